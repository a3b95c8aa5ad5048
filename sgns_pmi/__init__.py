"""sgns-pmi: given co-occurrence counts, how well does a factorisation recover the PMI behind them?"""

from sgns_pmi.compare import objective_deviation, recovery
from sgns_pmi.compare.analogies import analogies
from sgns_pmi.compare.limits import cramer_rao_rmse
from sgns_pmi.compare.neighbours import arithmetic, neighbours
from sgns_pmi.compare.similarity import similarity
from sgns_pmi.compare.vectors import WordVectors
from sgns_pmi.counts import CooccurrenceCounts
from sgns_pmi.errors import InputError
from sgns_pmi.factorise.cbow import CBOW
from sgns_pmi.factorise.empirical import Empirical
from sgns_pmi.factorise.expected import Expected
from sgns_pmi.factorise.fasttext import FastText
from sgns_pmi.factorise.glove import GloVe
from sgns_pmi.factorise.numpy_sgns import NumpySGNS
from sgns_pmi.factorise.objective import sgns_objective
from sgns_pmi.factorise.oracle import Oracle
from sgns_pmi.factorise.qwem import QWEM
from sgns_pmi.factorise.ro_sgns import ROSGNS
from sgns_pmi.factorise.sampled import Sampled
from sgns_pmi.factorise.sgns import SGNS
from sgns_pmi.factorise.sgns_stream import SGNSStream
from sgns_pmi.factorise.softmax_mle import SoftmaxMLE
from sgns_pmi.factorise.sppmi import SPPMI
from sgns_pmi.factorise.svd import PMISVD, SPPMISVD
from sgns_pmi.factorise.swivel import Swivel
from sgns_pmi.pmi import noise_distribution, pmi_matrix, sppmi_matrix
from sgns_pmi.problems import Problem, marginal_problem, read_triples, softmax_problem, write_triples
from sgns_pmi.problems.text import text_problem
from sgns_pmi.results.vectors import from_gensim, read_vectors, to_gensim, write_vectors

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
    "InputError",
    "NumpySGNS",
    "Oracle",
    "Problem",
    "SGNSStream",
    "Sampled",
    "SoftmaxMLE",
    "Swivel",
    "WordVectors",
    "analogies",
    "arithmetic",
    "cramer_rao_rmse",
    "from_gensim",
    "marginal_problem",
    "neighbours",
    "noise_distribution",
    "objective_deviation",
    "pmi_matrix",
    "read_triples",
    "read_vectors",
    "recovery",
    "sgns_objective",
    "similarity",
    "softmax_problem",
    "sppmi_matrix",
    "text_problem",
    "to_gensim",
    "write_triples",
    "write_vectors",
]
