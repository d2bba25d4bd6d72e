"""What a phrasebook holds: the sentence patterns of items and queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from darl.data.insurance.vocabulary import Term, Wording

T = TypeVar("T")


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices, each as likely."""
    return choices[int(rng.random() * len(choices))]


@dataclass(frozen=True)
class Phrasebook:
    """Patterns by meaning; two books have none in common.

    Args:
        vocabulary: Which wording of lines and covers goes with it.
        item: Patterns of item text: "head", "include", "exclude", "and", "separator", "years", "life",
            "open-ended", "price", "none" and "required" (the entry check), and entry ages as "range",
            "upto" and "from" with "child", "senior", "senior from", "pet range", ... as variants.
        query: Patterns of query text: "head" (line and need), "plain" (the line only), "budget",
            "at least", "at most", "life", "not life", "open-ended", "not open-ended", "none", "required",
            "extra", "unwanted", "join", and who or what is insured as "baby", "child", "adult",
            "senior", "pet", "building".
        misspelled: Share of queries in which a word is misspelled.
    """

    vocabulary: Literal["seen", "unseen"]
    item: Mapping[str, tuple[str, ...]]
    query: Mapping[str, tuple[str, ...]]
    misspelled: float

    def words(self, term: Term) -> Wording:
        """The surface forms of a meaning in this book's vocabulary, or the only ones that it has."""
        return term.unseen if self.vocabulary == "unseen" and term.unseen.item else term.seen
