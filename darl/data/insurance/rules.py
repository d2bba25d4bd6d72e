"""The written rules by which the grade of a pair follows from its facts.

* irrelevant: another line, or the need is not among the covers;
* weak: neither of those, but a wish is missed, which is a constraint (entry ages, budget, term, entry check)
  or a secondary need (extra cover, unwanted cover);
* strong: everything asked for holds.

What a product's text leaves unstated, it does not offer: a wish about an unstated term or entry check
is missed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darl.data.insurance.facts import NO_UPPER_AGE, Product, Request
from darl.grades import GradeScale

SCALE = GradeScale(("irrelevant", "weak", "strong"))
IRRELEVANT, WEAK, STRONG = range(3)
MUSTS = ("need",)
WISHES = ("age", "budget", "term", "check", "extra", "unwanted")

BoolArray = npt.NDArray[np.bool_]


class Columns:
    """The facts of a line's products as arrays, so that a request is graded against all of them at once."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.min_age = np.array([product.min_age for product in products])
        self.max_age = np.array([product.max_age for product in products])
        self.price = np.array([product.price for product in products])
        self.term = np.array([product.term for product in products])
        self.check = np.array([product.check for product in products])
        self._covers = _membership([product.covers for product in products])
        self._excludes = _membership([product.excluded for product in products])
        self._none = np.zeros(len(products), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.price)

    def covers(self, key: str) -> BoolArray:
        """(n,) whether each product covers `key`."""
        return self._covers.get(key, self._none)

    def excludes(self, key: str) -> BoolArray:
        """(n,) whether each product's text names `key` as not covered."""
        return self._excludes.get(key, self._none)


def _membership(sets: Sequence[tuple[str, ...]]) -> dict[str, BoolArray]:
    keys = sorted({key for keys in sets for key in keys})
    return {key: np.array([key in keys for keys in sets]) for key in keys}


def misses(request: Request, columns: Columns) -> dict[str, BoolArray]:
    """What the request asks for and which of the n products miss it: name to (n,) booleans.

    The products are taken to be of the request's line; things not asked for have no entry.
    """
    missed: dict[str, BoolArray] = {}
    if request.age is not None:
        missed["age"] = (columns.min_age > request.age) | (columns.max_age < request.age)
    if request.need:
        missed["need"] = ~columns.covers(request.need)
    if request.budget is not None:
        missed["budget"] = columns.price > request.budget
    if request.term is not None:
        missed["term"] = (columns.term < request.term[0]) | (columns.term > request.term[1])
    if request.check:
        missed["check"] = columns.check != request.check
    if request.extra:
        missed["extra"] = ~columns.covers(request.extra)
    if request.unwanted:
        missed["unwanted"] = columns.covers(request.unwanted)
    return missed


def _any_of(missed: dict[str, BoolArray], names: Sequence[str], n: int) -> BoolArray:
    found = [missed[name] for name in names if name in missed]
    return np.logical_or.reduce(found) if found else np.zeros(n, dtype=np.bool_)


def grades(request: Request, columns: Columns) -> npt.NDArray[np.int64]:
    """(n,) grades of products of the request's line."""
    missed = misses(request, columns)
    wishes = np.where(_any_of(missed, WISHES, len(columns)), WEAK, STRONG)
    return np.where(_any_of(missed, MUSTS, len(columns)), IRRELEVANT, wishes).astype(np.int64)


def grade(request: Request, product: Product) -> int:
    """The grade of one product for a request."""
    if product.line != request.line:
        return IRRELEVANT
    return int(grades(request, Columns([product]))[0])


def explain(request: Request, product: Product) -> str:
    """The grade and why, in words.

    >>> product = Product("p", "Arvello", "health", ("dental",), (), 18, 65, 38, 0, "")
    >>> explain(Request("health", age=72, need="dental", budget=40), product)
    'weak: age 72 is outside 18-65'
    >>> explain(Request("health", age=30, need="dental", budget=30), product)
    'weak: $38 a month is over $30'
    """
    if product.line != request.line:
        return f"irrelevant: {product.line}, not {request.line}"
    missed = [name for name, flags in misses(request, Columns([product])).items() if flags[0]]
    musts = [name for name in missed if name in MUSTS]
    faults = [_fault(name, request, product) for name in musts or missed]
    return f"{SCALE.name(grade(request, product))}: {'; '.join(faults) or 'everything asked for holds'}"


def _fault(name: str, request: Request, product: Product) -> str:
    return {
        "age": f"age {request.age} is outside {product.ages}",
        "need": f"{request.need} is {'excluded' if request.need in product.excluded else 'not covered'}",
        "budget": f"${product.price} a month is over ${request.budget}",
        "term": f"the term is {product.term_name or 'not stated'}, not {_span(request.term)}",
        "check": f"the entry check is {product.check or 'not stated'}, not {request.check}",
        "extra": f"{request.extra} would be welcome and is not covered",
        "unwanted": f"{request.unwanted} is covered but not wanted",
    }[name]


def _span(term: tuple[int, int] | None) -> str:
    low, high = term or (0, NO_UPPER_AGE)
    if low == high:
        return "lifelong"
    if high < 100:
        return f"{high} years or fewer"
    return f"{low} years or more" if low > 1 else "with an end"
