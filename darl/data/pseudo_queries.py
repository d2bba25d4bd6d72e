"""What somebody might have typed who was after an item, made of the item's own texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from darl.data.cells import PATH_SEPARATOR
from darl.data.item_words import ItemWords, words_in
from darl.data.items import Item

LONGEST = 5
"""Words of a pseudo-query, at most."""

SHORT_VALUE = 3
"""A field of at most so many words (a brand, a colour) is a value that a query may name."""

_BREAKS = re.compile(r"[|;:,()\[\]/]|\s[-\u2013\u2014]\s")
_CHOICES = re.compile(r"\s*(?:[&,/]|\band\b)\s*")

Rng = np.random.Generator


def pseudo_query(item: Item, words: ItemWords, rng: Rng) -> str:
    """One pseudo-query, in lower case, one space between words; "" where the item offers none of its kind.

    | kind      | how often | is made of                                                                 |
    |-----------|-----------|----------------------------------------------------------------------------|
    | span      | 30 %      | up to 5 neighbouring words of the title, no generic word at either end      |
    | words     | 30 %      | 2 to 4 words of the title, rarer ones rather, half the time in another order |
    | attribute | 25 %      | a short field (brand, colour) and the kind of thing, the latter first at times |
    | type      | 15 %      | the kind of thing, half the time with a word of the title                   |

    The kind of thing is the last part of a path (a category); where there is none, words of the title stand
    for it. Each query has a word that is not generic.

    Args:
        item: Of it.
        words: Of the catalogue.
        rng: Draws.
    """
    source = _Source(item, words)
    kinds: list[Callable[[Rng], str]] = [source.span, source.words, source.attribute, source.type]
    text = kinds[int(rng.choice(len(kinds), p=(0.3, 0.3, 0.25, 0.15)))](rng)
    text = " ".join(text.lower().split())
    return text if any(words.weight(word) for word, _, _ in words_in(text)) else ""


@dataclass(frozen=True)
class _Source:
    """An item as a source of words."""

    item: Item
    known: ItemWords

    @cached_property
    def _telling(self) -> list[tuple[str, str, float]]:
        """The title's words that are not generic, in their order, each once: compared, as written, weight."""
        found = {
            word: (word, self.item.item[start:end], weight)
            for word, start, end in reversed(words_in(self.item.item))
            if (weight := self.known.weight(word))
        }
        return list(reversed(found.values()))

    def span(self, rng: Rng) -> str:
        """Neighbouring words between two breaks of the title."""
        parts = [part for part in _BREAKS.split(self.item.item) if self._weighty(part)]
        if not parts:
            return ""
        part = parts[0 if rng.random() < 0.5 else int(rng.integers(len(parts)))]
        found = words_in(part)
        ends = [i for i, (word, _, _) in enumerate(found) if self.known.weight(word)]
        first = ends[int(rng.integers(len(ends)))]
        last = [i for i in ends if first <= i < first + LONGEST]
        # One word alone is rarely typed where there are more.
        last = last[1:] or last
        return part[found[first][1] : found[last[int(rng.integers(len(last)))]][2]]

    def words(self, rng: Rng) -> str:
        """Some words of the title."""
        return " ".join(self._drawn(int(rng.integers(2, 5)), rng))

    def attribute(self, rng: Rng) -> str:
        """A value and the kind of thing."""
        values = [text for _, text in self.item.fields if 0 < len(words_in(text)) <= SHORT_VALUE]
        values = [text for text in values if PATH_SEPARATOR not in text]
        if not values:
            return self.words(rng)
        value = values[int(rng.integers(len(values)))]
        both = [value, self._kind(rng) or " ".join(self._drawn(2, rng))]
        return " ".join(both if rng.random() < 0.75 else reversed(both))

    def type(self, rng: Rng) -> str:
        """The kind of thing."""
        kind = self._kind(rng)
        if not kind:
            return self.words(rng)
        return " ".join([*(self._drawn(1, rng) if rng.random() < 0.5 else ()), kind])

    def _kind(self, rng: Rng) -> str:
        """The end of a path; of several things that it names, one."""
        paths = [text for _, text in self.item.fields if PATH_SEPARATOR in text]
        if not paths:
            return ""
        leaf = paths[int(rng.integers(len(paths)))].split(PATH_SEPARATOR)[-1]
        things = [thing for thing in _CHOICES.split(leaf) if words_in(thing)]
        return things[int(rng.integers(len(things)))] if things else ""

    def _drawn(self, n: int, rng: Rng) -> list[str]:
        """Up to n words of the title, rarer ones rather; half the time in their order."""
        telling = self._telling
        if not telling:
            return []
        weights = np.array([weight for _, _, weight in telling])
        size = min(n, len(telling))
        rows: Sequence[int] = rng.choice(
            len(telling), size, replace=False, p=weights / weights.sum()
        ).tolist()
        return [telling[row][1] for row in (sorted(rows) if rng.random() < 0.5 else rows)]

    def _weighty(self, text: str) -> bool:
        return any(self.known.weight(word) for word, _, _ in words_in(text))
