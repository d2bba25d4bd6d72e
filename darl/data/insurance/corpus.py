"""The generated insurance corpus: slices of graded pairs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from darl.data.insurance.cases import Case, draw_cases
from darl.data.insurance.origins import FAR_OOD, IN_DIST, NEAR_OOD, Origin
from darl.data.insurance.rules import SCALE
from darl.data.insurance.seeds import generator
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.pairs import GradedPair

MOST_ITEMS = 100
TESTS = {origin.name: origin for origin in (IN_DIST, NEAR_OOD, FAR_OOD)}
SLICES = ("train", "valid", "pool", *TESTS)


def _whole_number_fault(name: str, value: object, least: int, most: int) -> str:
    if type(value) is int and least <= value <= most:
        return ""
    span = f"{least} or more" if most == sys.maxsize else f"from {least} to {most}"
    return f"{name}: expected a whole number, {span}, received {value!r}"


@dataclass(frozen=True)
class InsuranceCorpus:
    """Insurance search in English, generated: the grade follows from facts by the rules in `rules`.

    A slice holds whole queries, except that its last one may be cut so that the size is exact. Train,
    valid and in_dist share products, insurers and wordings; near_ood has the same lines with unseen
    products, insurers and wordings; far_ood has unseen lines; the pool mixes all three.
    `Pair.domain` is origin and line, as in "near_ood/health".

    Args:
        seed: Everything follows from it: the same seed gives the same pairs in every process.
        train: Pairs to train on.
        valid: Pairs to choose settings on.
        pool: Pairs to select from.
        test: Pairs in each of in_dist, near_ood and far_ood.
        items_per_query: Products shown for a query, 1 to 100.
        pool_ood_share: Share of the pool's queries that are OOD, half of them near and half far, in [0, 1].

    Raises:
        ConfigError: A size below 1, a negative seed, or a share outside [0, 1]; all faults at once.

    >>> corpus = InsuranceCorpus(train=20)
    >>> len(corpus.load("train")), corpus.grade_scale.names
    (20, ('irrelevant', 'weak', 'strong'))
    """

    seed: int = 0
    train: int = 2000
    valid: int = 400
    pool: int = 2000
    test: int = 600
    items_per_query: int = 10
    pool_ood_share: float = 0.2

    grade_scale: ClassVar[GradeScale] = SCALE
    slices: ClassVar[tuple[str, ...]] = SLICES

    def __post_init__(self) -> None:
        most = {"items_per_query": MOST_ITEMS}
        least = {"seed": 0}
        faults = [
            _whole_number_fault(name, getattr(self, name), least.get(name, 1), most.get(name, sys.maxsize))
            for name in ("seed", "train", "valid", "pool", "test", "items_per_query")
        ]
        share = self.pool_ood_share
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            faults.append(f"pool_ood_share: expected a number from 0 to 1, received {share!r}")
        if any(faults):
            raise ConfigError("insurance corpus", [fault for fault in faults if fault])

    def load(self, slice: str) -> tuple[GradedPair, ...]:
        """The graded pairs of a slice, a query's pairs one after the other.

        Raises:
            ConfigError: The corpus has no such slice.
        """
        return tuple(case.graded for case in self.cases(slice))

    def cases(self, slice: str) -> tuple[Case, ...]:
        """The graded pairs of a slice with the facts behind them.

        Raises:
            ConfigError: The corpus has no such slice.
        """
        sizes = {
            "train": self.train,
            "valid": self.valid,
            "pool": self.pool,
            **dict.fromkeys(TESTS, self.test),
        }
        if slice not in sizes:
            fault = f"slice: expected one of {', '.join(SLICES)}, received {slice!r}"
            raise ConfigError("insurance corpus", [fault])
        n_queries = -(-sizes[slice] // self.items_per_query)
        drawn = draw_cases(slice, self._origins(slice, n_queries), self.items_per_query, self.seed)
        return tuple(islice(drawn, sizes[slice]))

    def _origins(self, slice_name: str, n_queries: int) -> list[Origin]:
        if slice_name != "pool":
            return [TESTS.get(slice_name, IN_DIST)] * n_queries
        rng = generator(self.seed, "mix")
        n_ood = round(n_queries * self.pool_ood_share)
        n_near = (n_ood + int(rng.integers(2))) // 2
        counts = ((IN_DIST, n_queries - n_ood), (NEAR_OOD, n_near), (FAR_OOD, n_ood - n_near))
        origins = [origin for origin, count in counts for _ in range(count)]
        return [origins[i] for i in rng.permutation(n_queries)]
