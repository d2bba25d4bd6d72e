"""The graded pairs of a slice, drawn query by query, with the facts behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from darl.data.insurance.catalogue import Shelf, shelves
from darl.data.insurance.facts import Product, Request
from darl.data.insurance.lineup import Shown, line_up
from darl.data.insurance.origins import Origin
from darl.data.insurance.phrasebook import pick
from darl.data.insurance.query_text import normalised, render_query
from darl.data.insurance.requests import draw_request
from darl.data.insurance.rules import explain
from darl.data.insurance.seeds import generator, stable_number
from darl.pairs import GradedPair, Pair

# A query text belongs to one slice, decided by the text alone: slices cannot share a query, whatever
# their sizes and seeds, and each can be drawn without the others.
OWNERS = ("train", "valid", "pool", "in_dist", "near_ood", "far_ood")
WORDINGS_TRIED = 4 * len(OWNERS)


class Case(NamedTuple):
    """A graded pair with the facts behind it."""

    request: Request
    product: Product
    graded: GradedPair

    @property
    def reason(self) -> str:
        """The grade and why, in words."""
        return explain(self.request, self.product)


class Asked(NamedTuple):
    """A query: what it asks for, its text, and the shelf of its line."""

    request: Request
    text: str
    shelf: Shelf


def owner(text: str) -> str:
    """The slice that a query text belongs to; texts that differ in case or punctuation go together."""
    return OWNERS[stable_number(normalised(text)) % len(OWNERS)]


def draw_cases(slice_name: str, origins: Sequence[Origin], items_per_query: int, seed: int) -> Iterator[Case]:
    """Cases of one query for each of `origins`, `items_per_query` each, in that order."""
    rng = generator(seed, "queries", slice_name)
    taken: set[str] = set()
    for i, origin in enumerate(origins):
        stock = shelves(origin, seed)
        asked = _ask(slice_name, origin, stock, taken, rng)
        others = [shelf for shelf in stock if shelf is not asked.shelf]
        for shown in line_up(asked.request, asked.shelf, others, items_per_query, rng):
            yield _case(f"{slice_name}-{i:06d}", origin, asked, shown)


def _ask(
    slice_name: str, origin: Origin, stock: Sequence[Shelf], taken: set[str], rng: np.random.Generator
) -> Asked:
    while True:
        shelf = pick(rng, stock)
        request = draw_request(pick(rng, shelf.products), shelf.line, rng)
        for _ in range(WORDINGS_TRIED):
            text = render_query(request, shelf.line, pick(rng, origin.books), rng)
            if owner(text) == slice_name and normalised(text) not in taken:
                taken.add(normalised(text))
                return Asked(request, text, shelf)


def _case(query_id: str, origin: Origin, asked: Asked, shown: Shown) -> Case:
    product, text = shown.shelf.products[shown.place], shown.shelf.texts[shown.place]
    domain = f"{origin.name}/{asked.request.line}"
    pair = Pair(query_id, asked.text, product.item_id, text, domain, shown.shelf.fields[shown.place])
    return Case(asked.request, product, GradedPair(pair, shown.grade))
