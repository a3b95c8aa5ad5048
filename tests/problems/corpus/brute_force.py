"""The same counts by other means: one token at a time, in plain Python, with exact fractions."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from fractions import Fraction

MASK = 2**64 - 1
WORD = r"\w+(?:['’]\w+)*"


def draw(seed: int | str, purpose: str, position: int) -> int:
    """Output `position` of SplitMix64: its state goes up by a constant at every draw."""
    state = int.from_bytes(hashlib.blake2b(f"{purpose} {seed}".encode(), digest_size=8).digest(), "little")
    state = (state + (position + 1) * 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def tokens_of(line: str, tokens: str, pattern: str | None) -> list[str]:
    if tokens == "whitespace":
        return line.split()
    if tokens == "words":
        return [match.lower() for match in re.findall(WORD, line)]
    return [match for match in re.findall(pattern, line) if match]


def sentences_of(texts: list[str], boundary: str, tokens: str, pattern: str | None) -> list[list[str]]:
    """The token lists that windows stay in."""
    sentences: list[list[str]] = [[]]
    for text in texts:
        for line in text.split("\n"):
            found = tokens_of(line, tokens, pattern)
            if boundary == "line" or (boundary == "paragraph" and not found):
                sentences.append([])
            sentences[-1] += found
        if boundary != "none":
            sentences.append([])
    return sentences


def brute_force(
    texts: list[str],
    tokens="whitespace",
    pattern=None,
    boundary="line",
    min_count=5,
    max_size=None,
    subsample=0.0,
    subsample_formula="mikolov",
    removal="dirty",
    window=5,
    window_type="expected",
    direction="both",
    readings=1,
    seed=0,
) -> tuple[list[str], dict[tuple[str, str], float], tuple[int, int, int]]:
    """Vocabulary, counts by pair of words, and tokens read, known and kept."""
    if readings > 1:
        options = (tokens, pattern, boundary, min_count, max_size, subsample, subsample_formula, removal, window, window_type)
        several = [
            brute_force(texts, *options, direction, 1, f"{seed} {number}" if number else seed)
            for number in range(readings if subsample or window_type == "drawn" else 1)
        ]
        mean: Counter[tuple[str, str]] = Counter()
        for _, counted, _ in several:
            for pair, count in counted.items():
                mean[pair] += Fraction(count).limit_denominator(window) / len(several)
        (vocabulary, _, (read, known, _)), kept = several[0], sum(facts[2] for _, _, facts in several)
        return vocabulary, {pair: float(count) for pair, count in mean.items()}, (read, known, kept)
    sentences = sentences_of(texts, boundary, tokens, pattern)
    frequency = Counter(token for sentence in sentences for token in sentence)
    vocabulary = sorted((w for w in frequency if frequency[w] >= min_count), key=lambda w: (-frequency[w], w.encode()))[:max_size]
    known = sum(frequency[w] for w in vocabulary)
    keep = {}
    for word in vocabulary:
        ratio = subsample / (frequency[word] / known)
        keep[word] = ratio**0.5 if subsample_formula == "mikolov" else ratio**0.5 + ratio
        if not subsample:
            keep[word] = 1.0

    counts: Counter[tuple[str, str]] = Counter()
    position = kept = 0
    for sentence in sentences:
        places: list[tuple[str, int] | None] = []
        for token in sentence:
            reach = window if window_type != "drawn" else 1 + (draw(seed, "window", position) >> 32) * window // 2**32
            if token in keep and (draw(seed, "subsample", position) >> 11) / 2**53 < keep[token]:
                places.append((token, reach))
                kept += 1
            elif removal == "clean":
                places.append(None)
            position += 1
        for i, place in enumerate(places):
            for j, other in enumerate(places):
                distance = abs(i - j)
                side = (direction != "right" and j < i) or (direction != "left" and j > i)
                if place and other and side and distance <= place[1]:
                    weight = Fraction(window - distance + 1, window) if window_type == "expected" else Fraction(1)
                    counts[place[0], other[0]] += weight
    return vocabulary, {pair: float(count) for pair, count in counts.items()}, (position, known, kept)
