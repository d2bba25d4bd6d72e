"""The products of an origin: their facts, drawn at random, and the text that states them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from darl.data.insurance.facts import LIFELONG, UNSTATED, Product
from darl.data.insurance.item_text import render_item
from darl.data.insurance.origins import Origin
from darl.data.insurance.phrasebook import pick
from darl.data.insurance.rules import Columns
from darl.data.insurance.seeds import generator
from darl.data.insurance.vocabulary import Line

PRODUCTS_PER_LINE = 400
COVER_COUNTS = (2, 2, 2, 3, 3)
EXCLUDES = 0.65
STATES_TERM = 0.65
STATES_CHECK = 0.65
LIFELONG_SHARE = 0.35


@dataclass(frozen=True)
class Shelf:
    """The products of one line: their facts, then, in the same order, texts, facts as text and as arrays."""

    line: Line
    products: tuple[Product, ...]
    texts: tuple[str, ...]
    fields: tuple[tuple[tuple[str, str], ...], ...]
    columns: Columns


@lru_cache(maxsize=12)
def shelves(origin: Origin, seed: int) -> tuple[Shelf, ...]:
    """The catalogue of an origin, a shelf for each of its lines."""
    rng = generator(seed, "catalogue", origin.name)
    return tuple(_shelf(line, origin, rng) for line in origin.lines)


def _shelf(line: Line, origin: Origin, rng: np.random.Generator) -> Shelf:
    ids = (f"{origin.name}-{line.name}-{i:04d}" for i in range(PRODUCTS_PER_LINE))
    products = tuple(draw_product(item_id, line, origin, rng) for item_id in ids)
    texts = tuple(render_item(product, line, pick(rng, origin.books), rng) for product in products)
    return Shelf(line, products, texts, tuple(product.fields() for product in products), Columns(products))


def draw_product(item_id: str, line: Line, origin: Origin, rng: np.random.Generator) -> Product:
    """A product of `line` with facts drawn independently of one another."""
    keys = rng.permutation(np.array(list(line.covers))).tolist()
    n_covers = pick(rng, COVER_COUNTS)
    band = pick(rng, line.bands)
    return Product(
        item_id=item_id,
        insurer=pick(rng, origin.insurers),
        line=line.name,
        covers=tuple(keys[:n_covers]),
        excluded=tuple(keys[n_covers : n_covers + int(rng.random() < EXCLUDES)]),
        min_age=band[0],
        max_age=band[1],
        price=_price(line.prices, rng),
        term=_term(line.years, rng) if rng.random() < STATES_TERM else UNSTATED,
        check=pick(rng, ("none", "required")) if rng.random() < STATES_CHECK else "",
    )


def _price(span: tuple[int, int], rng: np.random.Generator) -> int:
    # Budgets are multiples of 5 and prices are not: whether "under $40" admits $40 is never in question.
    price = int(rng.integers(span[0], span[1] + 1))
    return price + 1 if price % 5 == 0 else price


def _term(years: tuple[int, ...], rng: np.random.Generator) -> int:
    return LIFELONG if rng.random() < LIFELONG_SHARE else pick(rng, years)
