"""The tasks: a generator, its options as under ``data.``, and why the task is there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from sgns_pmi.errors import InputError
from sgns_pmi.problems import PROBLEMS, Problem

SIZES = {"small": 60, "medium": 500}
"""Patterns that choose tasks by their size, and the most words of these."""

Options = Mapping[str, Any]
Ranks = tuple[int, int]
RANKS: dict[str, Callable[[Options], Ranks]] = {
    "softmax": lambda data: (data["rank"], 2),
    "marginal": lambda data: (data["rank"], 2),
    "sites": lambda data: (data["rank"], 2),
    "heavy": lambda data: (data["rank"] + data["cells"], 2),
    "attributes": lambda data: (data["attributes"], 1 if data["zipf"] is None else 2),
    "circulant": lambda data: (2 * data["harmonics"], 1 if data["zipf"] is None else 2),
    "independent": lambda data: (0, 0),
}
"""Where the PMI is of low rank, by generator: the rank of its interaction (what is left when row and column means are taken
off), and how much higher the rank of the PMI itself is."""
CHOSEN_RANKS: dict[str, Callable[[Options], Ranks]] = {
    "topics": lambda data: (data["topics"] - 2, 2),
    "documents": lambda data: (data["topics"] - 2, 2),
    "walk": lambda data: (data["rank"], 2),
    "corpus": lambda data: (8, 2),
}
"""The same where the PMI is of full rank: at which methods are compared."""
INDEPENDENT_DRAWS = frozenset(PROBLEMS) - {"sites", "documents"}
"""Generators whose counts are one multinomial draw from P, as the Cramér–Rao bound assumes."""


@dataclass(frozen=True)
class Task:
    """Counts from a known truth.

    Parameters
    ----------
    name, generator, why : str
    own : mapping
        The generator's options that are not its defaults.
    """

    name: str
    generator: str
    why: str
    own: Options

    @property
    def data(self) -> dict[str, Any]:
        """Every option of the generator, defaults among them."""
        parameters = inspect.signature(PROBLEMS[self.generator]).parameters.values()
        defaults = {value.name: value.default for value in parameters if value.default is not value.empty}
        return defaults | dict(self.own)

    @property
    def words(self) -> int:
        """Centres, and contexts; of a text at most."""
        data = self.data
        return int(2 ** data["attributes"] if "attributes" in data else data["max_size" if self.needs_text else "words"])

    @property
    def zipf(self) -> float | None:
        """Zipf's exponent of the margins; None where they are the generator's own."""
        return self.data.get("zipf")

    @property
    def exact(self) -> bool:
        """Whether the PMI is of low rank."""
        return self.generator in RANKS

    @property
    def interaction(self) -> int:
        """The rank of the PMI but for a term for each row and each column; see `rank`."""
        return (RANKS | CHOSEN_RANKS)[self.generator](self.data)[0]

    @property
    def rank(self) -> int:
        """The rank of the PMI; where that is full, the rank at which methods are compared."""
        return sum((RANKS | CHOSEN_RANKS)[self.generator](self.data))

    @property
    def needs_text(self) -> bool:
        """Whether the truth is that of a text, which has to be given."""
        return self.generator == "corpus"

    def reading(self, text: str | None) -> Task:
        """The same task with the text that its truth is made of, if it needs one."""
        return replace(self, own={**self.own, "path": text}) if self.needs_text else self

    def problem(self, seed: int) -> Problem:
        """Counts of one seed. The truth is that of seed 0 always: error bars over seeds are those of the draws."""
        return PROBLEMS[self.generator](**self.own, seed=0, draw_seed=seed)


def task(name: str, generator: str, why: str, /, **own: Any) -> Task:
    """A line of `TASKS`."""
    return Task(name, generator, why, own)


TASKS = (
    task("softmax_30", "softmax", "the least there is: one column of structure", words=30, rank=1, pairs=20_000),
    task("softmax_60", "softmax", "the R experiment at half its size", words=60, pairs=100_000),
    task("softmax_100", "softmax", "the R experiment", words=100, pairs=200_000),
    task("softmax_100_few", "softmax", "five pairs a cell: who survives unseen cells?", words=100, pairs=50_000),
    task("softmax_100_many", "softmax", "hardly any noise: who is consistent?", words=100, pairs=10_000_000),
    task("softmax_100_rank5", "softmax", "more structure than pairs can show", words=100, rank=5, pairs=1_000_000),
    task("softmax_300", "softmax", "many words, most of them rare", words=300, rank=3, pairs=2_000_000),
    task("softmax_1000", "softmax", "first-order methods are on their own here", words=1000, rank=3, pairs=10_000_000),
    task("marginal_50_uniform", "marginal", "all words alike: weights do not matter", words=50, rank=2, zipf=0.0, pairs=100_000),
    task("marginal_60", "marginal", "Zipf's law, in small", words=60, rank=2, pairs=200_000),
    task("marginal_60_steep", "marginal", "one word has a third of all pairs", words=60, rank=2, zipf=1.5, pairs=200_000),
    task("marginal_60_symmetric", "marginal", "centres and contexts alike", words=60, rank=2, pairs=200_000, symmetric=True),
    task("marginal_300_uniform", "marginal", "how much does frequency cost? None here,", words=300, zipf=0.0, pairs=1_000_000),
    task("marginal_300_flat", "marginal", "a little here,", words=300, zipf=0.5, pairs=1_000_000),
    task("marginal_300", "marginal", "as much as in a text here,", words=300, pairs=1_000_000),
    task("marginal_300_steep", "marginal", "and more here", words=300, zipf=1.5, pairs=1_000_000),
    task("marginal_300_weak", "marginal", "structure half as strong: noise wins", words=300, scale=0.5, pairs=1_000_000),
    task("marginal_300_strong", "marginal", "structure twice as strong: cells empty", words=300, scale=2.0, pairs=1_000_000),
    task("marginal_1000", "marginal", "the default problem of this generator", words=1000, pairs=10_000_000),
    task("marginal_2000", "marginal", "a small vocabulary's size, ten pairs a cell", words=2000, pairs=40_000_000),
    task("marginal_5000", "marginal", "a vocabulary's size, two pairs a cell", words=5000, pairs=50_000_000),
    task("attributes_32", "attributes", "exact analogies, in small", attributes=5, pairs=100_000),
    task("attributes_128", "attributes", "exact analogies", attributes=7),
    task("attributes_128_zipf", "attributes", "exact analogies, and frequencies that hide them", attributes=7, zipf=1.0),
    task("attributes_128_rare", "attributes", "attributes few words have", attributes=7, presence=0.2),
    task("attributes_1024", "attributes", "ten attributes, ten pairs a cell", attributes=10, pairs=10_000_000),
    task("circulant_36", "circulant", "hours on a clock, in small", words=36, harmonics=2, pairs=50_000),
    task("circulant_60_directed", "circulant", "before is not after", words=60, harmonics=2, symmetric=False, pairs=200_000),
    task("circulant_120", "circulant", "PMI by distance alone: no word is special", words=120),
    task("circulant_120_zipf", "circulant", "the same circle, and Zipf's law on it", words=120, zipf=1.0),
    task("circulant_120_modes", "circulant", "ten waves, fading: when do modes drown?", words=120, harmonics=10, pairs=500_000),
    task("topics_60", "topics", "full rank: every dim is too small, in small", words=60, topics=5, pairs=200_000),
    task("topics_300", "topics", "full rank: every dim is too small"),
    task("topics_300_symmetric", "topics", "the same with centres and contexts alike", symmetric=True),
    task("topics_300_apart", "topics", "topics that share few words", spread=2.5),
    task("topics_1000", "topics", "fifty topics", words=1000, topics=50, pairs=10_000_000),
    task("walk_60", "walk", "RAND-WALK in small: PMI nearly an inner product", words=60, rank=3, pairs=200_000),
    task("walk_300", "walk", "RAND-WALK: PMI nearly an inner product"),
    task("walk_300_loose", "walk", "the walk jumps half the time: weak PMI", stay=0.5),
    task("walk_1000", "walk", "RAND-WALK with Zipf's law", words=1000, rank=10, zipf=1.0, pairs=10_000_000),
    task("sites_60", "sites", "two hospitals share a third of their codes", words=60, sites=2, shared=20, rank=2, pairs=200_000),
    task("sites_300", "sites", "blocks that no site has seen, words shared by all"),
    task("sites_300_chain", "sites", "each site shares words with the next alone", overlap="chain", sites=4, shared=40),
    task("documents_60", "documents", "clustered pairs, in small", words=60, topics=5, documents=200, pairs=200_000),
    task("documents_300", "documents", "clustered pairs: fewer than they seem"),
    task("documents_300_pure", "documents", "a topic a document: clusters at their strongest", concentration=0.2),
    task("heavy_60", "heavy", "set phrases take a third of all pairs, in small", words=60, rank=2, cells=2, pairs=200_000),
    task("heavy_300", "heavy", "set phrases take a third of all pairs"),
    task("independent_60", "independent", "nothing to find: what shows is noise, in small", words=60, pairs=100_000),
    task("independent_300", "independent", "nothing to find: what shows is noise"),
    task("corpus_500", "corpus", "a text's own frequencies and clusters", max_size=500),
    task("corpus_2000", "corpus", "the same with rarer words", max_size=2000, pairs=10_000_000),
)
"""Every task, small ones of a kind first."""


def choose(pattern: str | None, tasks: Sequence[Task] = TASKS) -> list[Task]:
    """The tasks that a pattern means: all (None), those of a size, as ``small``, or of such a name, as ``marginal_*``.

    Raises
    ------
    InputError
        Where there is none.
    """
    if pattern is None:
        return list(tasks)
    if pattern in SIZES:
        return [task for task in tasks if task.words <= SIZES[pattern]]
    chosen = [task for task in tasks if fnmatchcase(task.name, pattern)]
    if not chosen:
        near = get_close_matches(pattern, [task.name for task in tasks], n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError("pattern", pattern, f"no such task; {hint}--list shows them; small, medium, *_zipf choose several")
    return chosen


__all__ = ["INDEPENDENT_DRAWS", "SIZES", "TASKS", "Task", "choose"]
