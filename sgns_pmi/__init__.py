"""sgns-pmi: given co-occurrence counts, how well does a factorisation recover the PMI behind them?"""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door
from sgns_pmi.version import __version__

if TYPE_CHECKING:
    from sgns_pmi.compare.budget import error_budget
    from sgns_pmi.compare.deviation import objective_deviation
    from sgns_pmi.compare.inference import inference
    from sgns_pmi.compare.limits import cramer_rao_rmse, predicted_rmse
    from sgns_pmi.compare.recovery import recovery
    from sgns_pmi.compare.words.analogies import analogies
    from sgns_pmi.compare.words.files import from_gensim, read_vectors, to_gensim, write_vectors
    from sgns_pmi.compare.words.neighbours import arithmetic, neighbours
    from sgns_pmi.compare.words.similarity import similarity
    from sgns_pmi.compare.words.vectors import WordVectors
    from sgns_pmi.counts import CooccurrenceCounts
    from sgns_pmi.errors import InputError
    from sgns_pmi.factorise.losses.sgns import sgns_objective
    from sgns_pmi.factorise.methods.cbow import CBOW
    from sgns_pmi.factorise.methods.empirical import Empirical
    from sgns_pmi.factorise.methods.fasttext import FastText
    from sgns_pmi.factorise.methods.glove import GloVe
    from sgns_pmi.factorise.methods.infonce import InfoNCE
    from sgns_pmi.factorise.methods.numpy_sgns import NumpySGNS
    from sgns_pmi.factorise.methods.oracle import Oracle
    from sgns_pmi.factorise.methods.qwem import QWEM
    from sgns_pmi.factorise.methods.ro_sgns import ROSGNS
    from sgns_pmi.factorise.methods.sgns import SGNS
    from sgns_pmi.factorise.methods.sgns_stream import SGNSStream
    from sgns_pmi.factorise.methods.softmax_mle import SoftmaxMLE
    from sgns_pmi.factorise.methods.sppmi import SPPMI
    from sgns_pmi.factorise.methods.svd import PMISVD, SPPMISVD
    from sgns_pmi.factorise.methods.swivel import Swivel
    from sgns_pmi.factorise.solvers.expected import Expected
    from sgns_pmi.factorise.solvers.sampled import Sampled
    from sgns_pmi.pmi import noise_distribution, pmi_matrix, sppmi_matrix
    from sgns_pmi.problems.attributes import attributes_problem, write_questions
    from sgns_pmi.problems.circulant import circulant_problem
    from sgns_pmi.problems.corpus_truth import corpus_problem
    from sgns_pmi.problems.documents import documents_problem
    from sgns_pmi.problems.heavy import heavy_problem
    from sgns_pmi.problems.independent import independent_problem
    from sgns_pmi.problems.marginal import marginal_problem
    from sgns_pmi.problems.problem import Problem
    from sgns_pmi.problems.sites import sites_problem
    from sgns_pmi.problems.softmax import softmax_problem
    from sgns_pmi.problems.text import text_problem
    from sgns_pmi.problems.topics import topics_problem
    from sgns_pmi.problems.triples import read_triples, write_triples
    from sgns_pmi.problems.walk import walk_problem
    from sgns_pmi.results.run import Run
    from sgns_pmi.results.sweep import Sweep

__getattr__ = door(__name__)

__all__ = [
    "CBOW",
    "PMISVD",
    "QWEM",
    "ROSGNS",
    "SGNS",
    "SPPMI",
    "SPPMISVD",
    "CooccurrenceCounts",
    "Empirical",
    "Expected",
    "FastText",
    "GloVe",
    "InfoNCE",
    "InputError",
    "NumpySGNS",
    "Oracle",
    "Problem",
    "Run",
    "SGNSStream",
    "Sampled",
    "SoftmaxMLE",
    "Sweep",
    "Swivel",
    "WordVectors",
    "__version__",
    "analogies",
    "arithmetic",
    "attributes_problem",
    "circulant_problem",
    "corpus_problem",
    "cramer_rao_rmse",
    "documents_problem",
    "error_budget",
    "from_gensim",
    "heavy_problem",
    "independent_problem",
    "inference",
    "marginal_problem",
    "neighbours",
    "noise_distribution",
    "objective_deviation",
    "pmi_matrix",
    "predicted_rmse",
    "read_triples",
    "read_vectors",
    "recovery",
    "sgns_objective",
    "similarity",
    "sites_problem",
    "softmax_problem",
    "sppmi_matrix",
    "text_problem",
    "to_gensim",
    "topics_problem",
    "walk_problem",
    "write_questions",
    "write_triples",
    "write_vectors",
]
