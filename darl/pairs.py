"""What is judged: a query and an item."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Pair(NamedTuple):
    """A query and an item shown for it, not yet graded.

    Attributes:
        query_id: Identifies the query within a corpus.
        query: The user's text.
        item_id: Identifies the item within a corpus.
        item: The item's main text (a title, a name).
        domain: Where the query comes from (a category, a query type); "" when unknown.
        fields: Further named item texts (brand, category, ...) that a prompt can use, as (name, text).
    """

    query_id: str
    query: str
    item_id: str
    item: str
    domain: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    def field(self, name: str) -> str:
        """The text of a named extra field, "" where this item has none."""
        return dict(self.fields).get(name, "")


class GradedPair(NamedTuple):
    """A pair and its grade, an index into the corpus's GradeScale (0 is the least relevant)."""

    pair: Pair
    grade: int


Ratings = Mapping[Pair, tuple[int, ...]]
"""What several people said of a pair, grade indices, ascending; of a pair with one grade it has nothing."""

NO_RATINGS: Ratings = MappingProxyType({})


def digest_of(pairs: Iterable[Pair | GradedPair]) -> str:
    """The SHA-256 of pairs in their order, in hexadecimal: whether data are the same as before."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(repr(tuple(pair)).encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()
