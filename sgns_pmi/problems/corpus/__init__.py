"""From text to co-occurrence counts: files, tokens, vocabulary, windows; the engine behind ``data=text``.

Its kernels are compiled, and it loads with what compiles them when a text is counted.
"""

from typing import TYPE_CHECKING

from sgns_pmi.lazily import door

if TYPE_CHECKING:
    from sgns_pmi.problems.corpus.cache import cache_folder, counted_once
    from sgns_pmi.problems.corpus.counting import check_words, count_text
    from sgns_pmi.problems.corpus.shards import FirstPass, Shard, count_shard, fingerprint, first_pass, words_of
    from sgns_pmi.problems.corpus.stream import Corpus
    from sgns_pmi.problems.corpus.vocabulary import choose_vocabulary
    from sgns_pmi.problems.corpus.workers import THREADS, Workers

__getattr__ = door(__name__)

__all__ = [
    "THREADS",
    "Corpus",
    "FirstPass",
    "Shard",
    "Workers",
    "cache_folder",
    "check_words",
    "choose_vocabulary",
    "count_shard",
    "count_text",
    "counted_once",
    "fingerprint",
    "first_pass",
    "words_of",
]
