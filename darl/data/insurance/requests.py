"""What people ask for: requests that at least one product of the catalogue meets in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from darl.data.insurance.facts import LIFELONG, NO_UPPER_AGE, Product, Request
from darl.data.insurance.phrasebook import pick
from darl.data.insurance.vocabulary import Line

NAMES_AGE = 0.4
UNWANTED_IS_EXCLUDED = 0.5
BUDGET_STEP = 5
BUDGET_SLACK = 0.3
WISH_COUNTS = (1, 1, 1, 1, 2)
OLDEST: Mapping[str, int] = {"person": 88, "pet": 15, "building": 150}


def draw_request(anchor: Product, line: Line, rng: np.random.Generator) -> Request:
    """A request that `anchor` meets in full: a need, perhaps an age, and one or two of WISHES."""
    age = _age(anchor, line, rng) if rng.random() < NAMES_AGE else None
    request = Request(line.name, age, pick(rng, anchor.covers))
    names = [name for name in WISHES if _can_wish(name, anchor)]
    for i in rng.permutation(len(names))[: pick(rng, WISH_COUNTS)]:
        request = WISHES[names[i]](request, anchor, line, rng)
    return request


def _can_wish(name: str, anchor: Product) -> bool:
    return {"term": anchor.term > 0, "check": bool(anchor.check)}.get(name, True)


def _age(anchor: Product, line: Line, rng: np.random.Generator) -> int:
    oldest = OLDEST[line.subject] if anchor.max_age == NO_UPPER_AGE else anchor.max_age
    return int(rng.integers(anchor.min_age, oldest + 1))


def _budget(request: Request, anchor: Product, line: Line, rng: np.random.Generator) -> Request:
    least = anchor.price * (1 + BUDGET_SLACK * rng.random())
    return replace(request, budget=BUDGET_STEP * int(np.ceil(least / BUDGET_STEP)))


def _term(request: Request, anchor: Product, line: Line, rng: np.random.Generator) -> Request:
    longest_asked = max(line.years) if anchor.term == LIFELONG else anchor.term
    at_least = (pick(rng, [n for n in line.years if n <= longest_asked]), LIFELONG)
    if anchor.term == LIFELONG:
        return replace(request, term=pick(rng, ((LIFELONG, LIFELONG), (LIFELONG, LIFELONG), at_least)))
    at_most = (1, pick(rng, [n for n in line.years if n >= anchor.term]))
    return replace(request, term=pick(rng, (at_least, at_most, (1, LIFELONG - 1))))


def _check(request: Request, anchor: Product, line: Line, rng: np.random.Generator) -> Request:
    return replace(request, check=anchor.check)


def _extra(request: Request, anchor: Product, line: Line, rng: np.random.Generator) -> Request:
    return replace(request, extra=pick(rng, [key for key in anchor.covers if key != request.need]))


def _unwanted(request: Request, anchor: Product, line: Line, rng: np.random.Generator) -> Request:
    others = [key for key in line.covers if key not in anchor.covers]
    named = anchor.excluded if rng.random() < UNWANTED_IS_EXCLUDED else ()
    return replace(request, unwanted=pick(rng, named or others))


WISHES: Mapping[str, Callable[[Request, Product, Line, np.random.Generator], Request]] = {
    "budget": _budget,
    "term": _term,
    "check": _check,
    "extra": _extra,
    "unwanted": _unwanted,
}
