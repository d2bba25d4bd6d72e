"""Which words items have in common, and how much these say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from darl.data.items import Item

# Scripts without spaces: each character counts as a word.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['\u2019.\-][^\W_{_UNSPACED}]+)*")
_LONE = re.compile(rf"[^{_UNSPACED}]")

GENERIC_TITLES, GENERIC_FIELDS, GENERIC_ITEMS = 0.05, 0.01, 20
"""A word of more than these shares of titles, and fewer of the fields, and of more than so many items says
nothing of what an item is: for, with, 2, pack."""

Float64 = npt.NDArray[np.float64]


def words_in(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as they are compared, each with where it begins and ends.

    >>> words_in("Women's Dresses")
    [('women', 0, 7), ('dress', 8, 15)]
    """
    return [(_stem(match.group()), match.start(), match.end()) for match in _WORD.finditer(text)]


def _stem(word: str) -> str:
    """Case folded and, as plurals are searched for too, without the end of an English plural or genitive."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    if folded.endswith(("'s", "\u2019s")):
        return folded[:-2]
    if len(folded) > 4 and folded.endswith(("ches", "shes", "sses", "xes")):
        return folded[:-2]
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") and not folded.endswith("ss") else folded


@dataclass(frozen=True)
class ItemWords:
    """N items as sets of V words, of their titles and fields.

    Attributes:
        rows: The row of each word.
        items_of: (V, N) 1 where an item has a word.
        weights: (V,) log(1 + N / n) for a word of n items; 0 for a generic one.
    """

    rows: dict[str, int]
    items_of: csr_array
    weights: Float64

    @classmethod
    def of(cls, items: Sequence[Item]) -> ItemWords:
        """The words of a catalogue."""
        titles = [_distinct([item.item]) for item in items]
        fields = [_distinct(text for _, text in item.fields) for item in items]
        both = [dict.fromkeys((*title, *field)) for title, field in zip(titles, fields, strict=True)]
        rows = {word: row for row, word in enumerate(dict.fromkeys(word for one in both for word in one))}
        in_titles, in_fields = _count(titles, rows), _count(fields, rows)
        counts = _count(both, rows)
        generic = (in_titles > max(GENERIC_TITLES * len(items), GENERIC_ITEMS)) & (
            in_fields < GENERIC_FIELDS * len(items)
        )
        generic |= np.array([len(word) == 1 and bool(_LONE.match(word)) for word in rows], dtype=np.bool_)
        at = [(rows[word], column) for column, one in enumerate(both) for word in one]
        place = np.array(at, dtype=np.int64).reshape(-1, 2).T
        matrix = csr_array((np.ones(place.shape[1]), (place[0], place[1])), shape=(len(rows), len(items)))
        return cls(rows, matrix, np.where(generic, 0.0, np.log1p(len(items) / np.maximum(counts, 1))))

    def weight(self, word: str) -> float:
        """How much a word says, 0 if nothing."""
        row = self.rows.get(word)
        return 0.0 if row is None else float(self.weights[row])

    def coverage(self, words: Iterable[str]) -> Float64:
        """(N,) share of the words that each item has, by their weight, in [0, 1]; 1 = all of them."""
        rows = self._rows(words)
        weights = self.weights[rows]
        return self._sums(rows, weights) / weights.sum() if weights.sum() else np.zeros(self._n)

    def likeness(self, item: int) -> Float64:
        """(N,) cosine of the items' weighted words with those of one of them, in [0, 1]."""
        rows = self._words_of.indices[slice(*self._words_of.indptr[item : item + 2])]
        lengths = np.where(self._lengths > 0, self._lengths, 1.0)
        cosines: Float64 = self._sums(rows, self.weights[rows] ** 2) / (lengths * lengths[item])
        return cosines

    @property
    def _n(self) -> int:
        return int(self.items_of.shape[1])

    @cached_property
    def _lengths(self) -> Float64:
        lengths: Float64 = np.sqrt(self.weights**2 @ self.items_of)
        return lengths

    @cached_property
    def _words_of(self) -> csr_array:
        """(N, V), to be read an item at a time."""
        return csr_array(self.items_of.T)

    def _rows(self, words: Iterable[str]) -> npt.NDArray[np.int64]:
        known = dict.fromkeys(self.rows[word] for word in words if word in self.rows)
        return np.array(list(known), dtype=np.int64)

    def _sums(self, rows: npt.NDArray[np.int64], weights: Float64) -> Float64:
        """(N,) sum of the weights of those of the words that each item has; none looks up a generic one."""
        telling = weights > 0
        sums: Float64 = weights[telling] @ self.items_of[rows[telling]]
        return sums


def _distinct(texts: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(word for text in texts for word, _, _ in words_in(text))


def _count(sets: Iterable[Iterable[str]], rows: dict[str, int]) -> npt.NDArray[np.int64]:
    found = np.fromiter(_numbers(sets, rows), dtype=np.int64)
    return np.bincount(found, minlength=len(rows))


def _numbers(sets: Iterable[Iterable[str]], rows: dict[str, int]) -> Iterator[int]:
    return (rows[word] for one in sets for word in one)
