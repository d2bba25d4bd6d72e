"""Traffic whose queries are put differently: the same wants, misspelt or reworded.

Made by rule from the queries of a slice, so that a detector, or a model, can be tried on a shift that every
search engine meets and few test sets hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from darl.pairs import Pair

LETTERS = 4
"""Words of fewer letters are left alone: a slip in them mostly makes another word."""

FRAMES = (
    "i am looking for {}",
    "can you show me {}",
    "where can i find {}",
    "i need {} please",
    "what is the best {}",
    "do you have {}",
)


def misspelt(query: str, rng: np.random.Generator) -> str:
    """One slip in about half of the longer words, and in one at least: letters swapped, dropped or doubled.

    Args:
        query: Words between spaces. Without a word of at least 4 letters it comes back as it is.
        rng: Draws the words and the slips.
    """
    words = query.split(" ")
    longer = [i for i, word in enumerate(words) if len(word) >= LETTERS]
    if not longer:
        return query
    for i in rng.permutation(longer)[: max(1, len(longer) // 2)]:
        words[i] = _slip(words[i], rng)
    return " ".join(words)


def _slip(word: str, rng: np.random.Generator) -> str:
    at, kind = int(rng.integers(1, len(word) - 1)), int(rng.integers(3))
    if kind == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at] + word[at:]


def reworded(query: str, rng: np.random.Generator) -> str:
    """The query inside a sentence, as it is typed into a chat."""
    return FRAMES[int(rng.integers(len(FRAMES)))].format(query)


SHIFTS: dict[str, Callable[[str, np.random.Generator], str]] = {"misspelt": misspelt, "reworded": reworded}


def shifted(pairs: Sequence[Pair], kind: str, seed: int = 0) -> list[Pair]:
    """The same pairs with their queries put differently; those whose query stays as it is are left out.

    What becomes of a query depends on its text and the seed alone.

    Args:
        pairs: Pairs.
        kind: A name in SHIFTS.
        seed: Of the draws.
    """
    put = {pair.query: SHIFTS[kind](pair.query, _rng(pair.query, seed)) for pair in pairs}
    return [pair._replace(query=put[pair.query]) for pair in pairs if put[pair.query] != pair.query]


def _rng(query: str, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
