"""The facts of a product as one line of text."""

from __future__ import annotations

import numpy as np

from darl.data.insurance.facts import LIFELONG, NO_UPPER_AGE, Product, years_text
from darl.data.insurance.phrasebook import Phrasebook, pick
from darl.data.insurance.vocabulary import Line

CHILD = 21
SENIOR = 50


def age_pattern(subject: str, min_age: int, max_age: int) -> str:
    """The name of the patterns by which a range of entry ages is said.

    >>> age_pattern("person", 0, 17), age_pattern("person", 60, NO_UPPER_AGE), age_pattern("pet", 1, 8)
    ('child', 'senior from', 'pet range')
    """
    shape = "from" if max_age == NO_UPPER_AGE else "range" if min_age else "upto"
    if subject != "person":
        return f"{subject} {shape}"
    if shape == "upto" and max_age <= CHILD:
        return "child"
    if min_age >= SENIOR:
        return "senior" if shape == "range" else "senior from"
    return shape


def render_item(product: Product, line: Line, book: Phrasebook, rng: np.random.Generator) -> str:
    """A title line that states the facts of `product`, in random order and wording."""
    head = pick(rng, book.item["head"]).format(
        insurer=product.insurer, line=pick(rng, book.words(line.names).item)
    )
    parts = _segments(product, line, book, rng)
    order = rng.permutation(len(parts))
    text = pick(rng, book.item["separator"]).join([head, *(parts[i] for i in order)])
    return text[0].upper() + text[1:]


def _segments(product: Product, line: Line, book: Phrasebook, rng: np.random.Generator) -> list[str]:
    def said(name: str, **values: object) -> str:
        return pick(rng, book.item[name]).format(**values)

    def listed(keys: tuple[str, ...]) -> str:
        return pick(rng, book.item["and"]).join(
            pick(rng, book.words(line.covers[keys[i]]).item) for i in rng.permutation(len(keys))
        )

    ages = age_pattern(line.subject, product.min_age, product.max_age)
    parts = [
        said("include", x=listed(product.covers)),
        said(ages, lo=product.min_age, hi=product.max_age),
        said("price", p=product.price),
    ]
    if product.excluded:
        parts.append(said("exclude", x=listed(product.excluded)))
    if product.check:
        parts.append(said(product.check, exam=pick(rng, book.words(line.exam).item)))
    if product.term == LIFELONG:
        parts.append(said(line.lifelong))
    elif product.term:
        parts.append(said("years", n=product.term, years=years_text(product.term)))
    return parts
