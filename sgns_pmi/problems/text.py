"""Text: co-occurrence counts of a corpus, and of the toy corpus that everyone knows."""

from __future__ import annotations

import io
import logging
import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sgns_pmi.errors import InputError
from sgns_pmi.problems import corpus
from sgns_pmi.problems.corpus.settings import Limits, Settings, parse_memory
from sgns_pmi.problems.corpus.sources import Sentences, Source, are_sentences, find_sources
from sgns_pmi.problems.corpus.tokens import Tokenizer
from sgns_pmi.problems.problem import Problem, register_problem
from sgns_pmi.problems.text_units import Kind, TextUnits, choose_unit, parse_unit

log = logging.getLogger("sgns_pmi")


@register_problem("text")
def text_problem(
    path: str | Path | Sequence[str | Path] | Sentences | None = None,
    tokens: str = "whitespace",
    pattern: str | None = None,
    errors: str = "strict",
    boundary: str = "line",
    min_count: int | None = None,
    max_size: int | None = None,
    subsample: float = 0.0,
    subsample_formula: str = "mikolov",
    removal: str = "dirty",
    window: int = 5,
    window_type: str = "expected",
    direction: str = "both",
    readings: int = 1,
    unit: str = "auto",
    memory: str = "2GB",
    cache: bool | str | Path = True,
    seed: int = 0,
) -> Problem:
    """Co-occurrence counts of a text, read once and counted on all cores.

    n_ij is how often word j stands in the window of word i; vocabulary and context vocabulary are the same words, by
    descending frequency (equal ones by code point).

    Parameters
    ----------
    path : str, list of str, or list of lists of str
        A file of UTF-8 text, plain or .gz, .xz, .zst; a folder (all files in it and below, by name,
        but for hidden ones); ``-`` for standard input; several of these; or sentences in memory, lists of words as gensim
        takes them.
    tokens : {"whitespace", "words", "regex"}, default "whitespace"
        What stands between white space, as ``str.split``; letters and digits with their combining marks and inner apostrophes,
        lower-cased; or the matches of `pattern`. A match does not reach over a line end. (A line longer than some megabytes is
        read in parts that end in white space.)
    pattern : str, optional
        For "regex", as in ``re``; if it has a group, the group is the token.
    errors : {"strict", "replace"}, default "strict"
        Bytes that are not UTF-8 are refused, or become U+FFFD.
    boundary : {"line", "paragraph", "file", "none"}, default "line"
        What a window does not reach over: the end of a line, a line without words, the end of a file (which also ends lines
        and paragraphs), or nothing.
    min_count : int, optional
        Rarer words are dropped; by default those that occur less than 5 times, and of sentences in memory none.
    max_size : int, optional
        Of the others, so many of the most frequent are kept.
    subsample : float, default 0
        Threshold t above whose frequency words are thinned out; 1e-3 to 1e-5 are usual, 0 keeps all.
    subsample_formula : {"mikolov", "word2vec_c"}, default "mikolov"
        A token of a word with frequency f (its share of the tokens in the vocabulary) is kept with probability √(t/f)
        (Mikolov et al. 2013, eq. 5), or √(t/f) + t/f, which word2vec.c and gensim have.
    removal : {"dirty", "clean"}, default "dirty"
        Dropped words, rare or subsampled, are removed before windows are laid, which widens these; or they keep their place
        (Levy, Goldberg & Dagan 2015, section 3.1).
    window : int, default 5
        Contexts on each side.
    window_type : {"fixed", "expected", "drawn"}, default "expected"
        Each context counts 1; or (window − d + 1) / window at distance d, the share of word2vec's dynamic windows that reach
        it; or each token draws its own window from 1 ... `window`, as word2vec does.
    direction : {"both", "left", "right"}, default "both"
        Contexts on both sides of the centre, only before, or only after it.
    readings : int, default 1
        Counts are the mean of so many readings, each of which draws anew the tokens that subsampling drops and, with drawn
        windows, the windows. One subsample leaves pairs of rare and frequent words to chance; word2vec draws a new one in
        each epoch. Where nothing is drawn all readings are one.
    unit : {"auto", "document", "paragraph", "line"} or "block:N", default "auto"
        What is taken as independent of the rest where estimates get standard errors: a text (file), paragraph, line, or a stretch
        of N tokens. By default texts, if they are 20 or more, else blocks of 10,000 tokens, or of a twentieth of a shorter text.
        It makes no difference to the counts.
    memory : str, default "2GB"
        Limit for counting, beyond the program itself; sorted runs go to disk where they need more. The finished counts come on
        top: 12 bytes for each cell.
    cache : bool or str, default True
        Keep the counts in the user's cache folder, or in the folder given. A text is known again by its contents.
        Standard input is not cached.
    seed : int, default 0
        Of the subsampling and of the drawn windows: a function of seed and token position, so that the counts do not
        depend on threads or memory.

    Raises
    ------
    InputError
        For an option that cannot be; a missing, empty, damaged or not UTF-8 text; a vocabulary of fewer than two words.
    """
    sources, settings, limits, folder, kind = text_task(
        path,
        tokens,
        pattern,
        errors,
        boundary,
        min_count,
        max_size,
        subsample,
        subsample_formula,
        removal,
        window,
        window_type,
        direction,
        readings,
        unit,
        memory,
        cache,
        seed,
    )
    # Jobs that run in parallel would draw their progress bars over each other.
    shown = multiprocessing.parent_process() is None
    counted = corpus.counted_once(
        folder, sources, settings, lambda: corpus.count_text(sources, settings, limits, folder, shown=shown)
    )
    log.info(
        "text: %s tokens read, %s of them in the vocabulary of %s words, %s of these kept",
        f"{counted.read:,}",
        f"{counted.known:,}",
        f"{counted.counts.shape[0]:,}",
        f"{counted.kept // len(settings.epochs):,}",
    )
    counts = counted.counts
    name = Path(sources[0].name).name if len(sources) == 1 else f"{len(sources):,} texts"
    title = f"{name}, {counts.shape[0]:,} words, window {window}, {counts.total:,.10g} pairs"
    repeatable = all(source.repeatable for source in sources)
    again = corpus.Corpus(counts, sources, settings, limits, folder, shown=shown) if repeatable else None
    kind = choose_unit(kind, counted.read, len(sources))
    return Problem(counts, title, corpus=again, units=None if again is None else TextUnits(again, kind))


class TextTask(NamedTuple):
    """What `text_problem` is asked to count, checked."""

    sources: list[Source]
    settings: Settings
    limits: Limits
    folder: Path | None
    unit: Kind | None


def text_task(
    path: str | Path | Sequence[str | Path] | Sentences | None,
    tokens: str,
    pattern: str | None,
    errors: str,
    boundary: str,
    min_count: int | None,
    max_size: int | None,
    subsample: float,
    subsample_formula: str,
    removal: str,
    window: int,
    window_type: str,
    direction: str,
    readings: int,
    unit: str,
    memory: str,
    cache: bool | str | Path,
    seed: int,
) -> TextTask:
    """The options of `text_problem`, checked; an `InputError` for the first that cannot be."""
    settings = Settings(
        Tokenizer(tokens, pattern, errors),
        boundary,
        min_count if min_count is not None else 1 if are_sentences(path) else 5,
        max_size,
        subsample,
        subsample_formula,
        removal,
        window,
        window_type,
        direction,
        readings,
        seed,
    ).checked()
    room, kind = parse_memory(memory), parse_unit(unit)
    if path is None:
        raise InputError("path", None, "give a text file, a folder, or - for standard input: data.path=FILE")
    return TextTask(find_sources(path), settings, Limits.within(room, corpus.THREADS), corpus.cache_folder(cache), kind)


def as_corpus(text: Any) -> corpus.Corpus:
    """`text` itself if it is a `Corpus`, else one of sentences in memory, lists of words, all of which are kept."""
    if isinstance(text, corpus.Corpus):
        return text
    if not are_sentences(text):
        raise InputError("text", type(text).__name__, "must be a text: a problem's corpus, or sentences as lists of words")
    again = text_problem(text, cache=False).corpus
    assert again is not None
    return again


@register_problem("toy")
def toy_problem(sentences: Sequence[str] = (), window: int = 2, seed: int = 0) -> Problem:
    """Counts of a few sentences: all their words, and every context in the window counts 1.

    Parameters
    ----------
    sentences : sequence of str
        Words between white space.
    window : int, default 2
        Contexts on each side, within the sentence.
    seed : int
        Unused: nothing is drawn.

    Raises
    ------
    InputError
        For no sentences, or fewer than two distinct words.
    """
    if not isinstance(sentences, list | tuple) or not sentences or not all(isinstance(sentence, str) for sentence in sentences):
        raise InputError("sentences", sentences, "must be a list of sentences, as data.sentences=['a b','b c']")
    settings = Settings(min_count=1, window=window, window_type="fixed").checked()
    text = "\n".join(sentences).encode()
    source = Source("sentences", len(text), lambda: io.BytesIO(text))
    limits = Limits.within(parse_memory("32MB"), 1)
    counts = corpus.count_text([source], settings, limits, threads=1).counts
    title = f"toy corpus, {len(sentences)} sentences, {counts.shape[0]} words, window {window}"
    return Problem(counts, title, corpus=corpus.Corpus(counts, [source], settings, limits, threads=1))
