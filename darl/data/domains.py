"""A corpus from graded files with a domain column: some domains to learn, others to be surprised by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from darl.data.domain_options import LEARNED, option_faults
from darl.data.mixing import Mixed, Part, cut_to, mix, thin_queries
from darl.data.readers import read_graded_pairs
from darl.data.splits import check_no_leak, normalise_query, split_by_query
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.pairs import GradedPair

GRADES = ("irrelevant", "weak", "strong")
SHARES: Mapping[str, float] = MappingProxyType({"train": 0.5, "valid": 0.1, "pool": 0.2, "in_dist": 0.2})
NO_SIZES: Mapping[str, int] = MappingProxyType({})


class _Built(NamedTuple):
    slices: dict[str, Part]
    notes: tuple[str, ...]


class DomainCorpus:
    """The slices train, valid, pool, in_dist and one per OOD name, cut from one file or several by query.

    The queries of the `in_dist` domains are divided by `shares`. Of the queries of each OOD name,
    `ood_pool_share` go to the pool (what the model may ask about) and the rest are its test slice. No
    query, as `normalise_query` has it, is in two slices. One seed gives the same slices however the rows of
    a file are ordered. Files are read at the first use. Of several, each is one source with ids of its own:
    they are told apart as "STEM/ID".

    Left out, and told in `notes`: pairs of domains that are not named; a query found in several domains
    keeps its pairs on one side only (in_dist before the OOD names, these in their order); whole queries of
    the pool, until OOD pairs make up `pool_ood_share` of it (but see `thin_pool`); what exceeds `sizes`. What
    exceeds `per_query` is left out before all else.

    Args:
        path: A file for `darl.data.readers.read_graded_pairs`, or several, of different names.
        in_dist: The domains to learn.
        ood: OOD slice name to its domains.
        grades: Names of the grades, the least relevant first.
        item_fields: Further item columns to keep.
        seed: Decides every draw.
        shares: Shares of the in-distribution queries that go to train, valid, pool and in_dist; sum 1.
        ood_pool_share: Share of each OOD name's queries that goes to the pool, in [0, 1).
        pool_ood_share: Share of the pool's pairs that is OOD, in [0, 1).
        sizes: Slice name to its largest number of pairs.
        per_query: At most so many pairs of a query, drawn; None keeps all. Many queries with some pairs each
            teach and measure more than few queries with all of theirs.
        thin_pool: Of the pool every query gives up pairs before whole queries are left out: many queries with
            few pairs each.

    Raises:
        ConfigError: Options that are wrong or do not fit each other; all of them are listed.
    """

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        in_dist: Sequence[str],
        ood: Mapping[str, Sequence[str]],
        grades: Sequence[str] = GRADES,
        item_fields: Sequence[str] = (),
        seed: int = 0,
        shares: Mapping[str, float] = SHARES,
        ood_pool_share: float = 0.5,
        pool_ood_share: float = 0.2,
        sizes: Mapping[str, int] = NO_SIZES,
        per_query: int | None = None,
        thin_pool: bool = False,
    ) -> None:
        options = {name: value for name, value in locals().items() if name != "self"}
        if faults := option_faults(options):
            raise ConfigError("domains", faults)
        self.paths = tuple(Path(one) for one in ([path] if isinstance(path, str | Path) else path))
        self.grade_scale = GradeScale(tuple(grades))
        self.slices = (*LEARNED, *ood)
        self._domains = {"in_dist": tuple(in_dist)} | {name: tuple(of) for name, of in ood.items()}
        self._item_fields = tuple(item_fields)
        self._seed = seed
        self._shares = {name: float(shares[name]) for name in LEARNED}
        self._ood_pool_share = ood_pool_share
        self._pool_ood_share = pool_ood_share
        self._sizes = dict(sizes)
        self._per_query, self._thin_pool = per_query, thin_pool

    def load(self, name: str, /) -> tuple[GradedPair, ...]:
        """The pairs of one slice.

        Raises:
            ConfigError: No such slice, or a domain that the file does not have.
            DataError: The file is at fault, or has too few queries for its slices.
        """
        if name not in self.slices:
            raise ConfigError("slice", [f"expected one of {', '.join(self.slices)}, received {name!r}"])
        return self._built.slices[name]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the slices, and why; one line a reason."""
        return self._built.notes

    @cached_property
    def _built(self) -> _Built:
        graded = [one for path in self.paths for one in self._read(path)]
        self._check_domains(Counter(one.pair.domain for one in graded))
        if self._per_query is not None:
            graded = list(thin_queries(graded, self._per_query, self._rng(4)))
        sides, notes = _sides(graded, self._domains)
        slices = split_by_query(sides.pop("in_dist"), self._shares, self._rng(0))
        ood_pool: list[GradedPair] = []
        for i, (name, part) in enumerate(sides.items()):
            to_pool, slices[name] = self._split_ood(name, part, self._rng(1, i))
            ood_pool += to_pool
        slices["pool"], more = self._mix(slices["pool"], tuple(ood_pool))
        slices, cut = self._cut(slices)
        check_no_leak({name: (one.pair for one in part) for name, part in slices.items()}, may_share=())
        return _Built(slices, (*notes, *more, *cut))

    def _read(self, path: Path) -> Iterator[GradedPair]:
        for pair, grade in read_graded_pairs(path, self.grade_scale, item_fields=self._item_fields):
            if len(self.paths) > 1:
                stem = path.name.partition(".")[0]
                pair = pair._replace(query_id=f"{stem}/{pair.query_id}", item_id=f"{stem}/{pair.item_id}")
            yield GradedPair(pair, grade)

    def _rng(self, *step: int) -> np.random.Generator:
        # A generator of its own for each step: a change to one slice leaves the others as they were.
        return np.random.default_rng((self._seed, *step))

    def _check_domains(self, counts: Counter[str]) -> None:
        faults = [
            f"{name}: unknown domain {domain!r}"
            for name, domains in self._domains.items()
            for domain in domains
            if domain not in counts
        ]
        if faults:
            known = ", ".join(f"{domain!r} ({n:,} pairs)" for domain, n in counts.most_common())
            raise ConfigError(
                "domains", [*faults, f"the domains of {', '.join(map(str, self.paths))} are {known}"]
            )

    def _split_ood(self, name: str, part: Part, rng: np.random.Generator) -> tuple[Part, Part]:
        shares = {"pool": self._ood_pool_share, name: 1.0 - self._ood_pool_share}
        parts = split_by_query(part, {to: share for to, share in shares.items() if share}, rng)
        return parts.get("pool", ()), parts[name]

    def _mix(self, in_dist: Part, ood: Part) -> tuple[Part, list[str]]:
        rng = self._rng(2)
        mixed = mix(in_dist, ood, self._pool_ood_share, self._sizes.get("pool"), rng, self._thin_pool)
        # Shuffled, since a strategy may break ties by position and must not find a side there.
        pool = (*mixed.in_dist, *mixed.ood)
        return tuple(pool[i] for i in rng.permutation(len(pool))), _mix_notes(in_dist, ood, mixed)

    def _cut(self, slices: dict[str, Part]) -> tuple[dict[str, Part], list[str]]:
        cut, notes = {}, []
        for i, name in enumerate(self.slices):
            part = slices[name]
            size = self._sizes.get(name, len(part)) if name != "pool" else len(part)
            cut[name] = part if size >= len(part) else cut_to(part, size, self._rng(3, i))
            if len(cut[name]) < len(part):
                notes.append(f"{name}: {len(part) - size:,} of {len(part):,} pairs left out to meet its size")
        return cut, notes


def _sides(
    graded: Sequence[GradedPair], domains: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Part], list[str]]:
    """The pairs of in_dist and of each OOD name; every query on one side only."""
    side_of = {domain: side for side, named in domains.items() for domain in named}
    order = list(domains)
    queries = {query: normalise_query(query) for query in {pair.query for pair, _ in graded}}
    first: dict[str, int] = {}
    for pair, _ in graded:
        if pair.domain in side_of:
            key, rank = queries[pair.query], order.index(side_of[pair.domain])
            first[key] = min(first.get(key, rank), rank)
    sides: dict[str, list[GradedPair]] = {side: [] for side in order}
    for one in graded:
        side = side_of.get(one.pair.domain)
        if side is not None and order[first[queries[one.pair.query]]] == side:
            sides[side].append(one)
    unnamed = sum(one.pair.domain not in side_of for one in graded)
    double = len(graded) - unnamed - sum(map(len, sides.values()))
    notes = [f"{unnamed:,} pairs of domains that are not named left out"] if unnamed else []
    notes += [f"{double:,} pairs left out whose query is also in an earlier-named domain"] if double else []
    return {side: tuple(part) for side, part in sides.items()}, notes


def _mix_notes(in_dist: Part, ood: Part, mixed: Mixed) -> list[str]:
    return [
        f"pool: {len(had) - len(kept):,} of {len(had):,} {side} pairs left out to meet its OOD share and size"
        for side, had, kept in (("in_dist", in_dist, mixed.in_dist), ("OOD", ood, mixed.ood))
        if len(kept) < len(had)
    ]
