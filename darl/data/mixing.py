"""Parts of a corpus by size: whole queries to a target, and a pool with a given share of OOD pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darl.data.splits import normalise_query
from darl.pairs import GradedPair

Part = tuple[GradedPair, ...]


def cut_to(part: Sequence[GradedPair], n: int, rng: np.random.Generator) -> Part:
    """At most `n` pairs: whole queries drawn at random, of the last one as many pairs as fit.

    Which pairs of the last query stay is drawn too, since files are often sorted by grade. Pairs keep
    their order.
    """
    kept: list[int] = []
    for rows in _in_random_order(part, rng):
        spare = n - len(kept)
        if spare <= 0:
            break
        kept += rows if len(rows) <= spare else rng.choice(rows, spare, replace=False).tolist()
    return tuple(part[i] for i in sorted(kept))


def thin_queries(part: Sequence[GradedPair], n: int, rng: np.random.Generator) -> Part:
    """At most `n` pairs of each query, drawn at random. Pairs keep their order."""
    # By item, not by row, is drawn: so the order of the file does not change which pairs stay.
    kept = []
    for rows in _in_random_order(part, rng):
        rows.sort(key=lambda i: (part[i].pair.query_id, part[i].pair.item_id))
        kept += [rows[i] for i in rng.permutation(len(rows))[:n]]
    return tuple(part[i] for i in sorted(kept))


def thin_to(part: Sequence[GradedPair], n: float, rng: np.random.Generator) -> Part:
    """So few pairs of each query, drawn at random, that all of them together are hardly more than `n`.

    Every query keeps the same number of pairs, at least one, or all that it has.
    """
    sizes = np.unique([normalise_query(pair.query) for pair, _ in part], return_counts=True)[1]
    each = 1
    while each < sizes.max(initial=1) and np.minimum(sizes, each).sum() < n:
        each += 1
    return thin_queries(part, each, rng)


def near_to(part: Sequence[GradedPair], n: float, rng: np.random.Generator) -> Part:
    """Whole queries drawn at random, as many as bring the number of pairs nearest to `n`; at least one."""
    groups = _in_random_order(part, rng)
    if not groups:
        return ()
    sizes = np.cumsum([len(rows) for rows in groups])
    count = int(np.argmin(np.abs(sizes - n))) + 1
    return tuple(part[i] for i in sorted(i for rows in groups[:count] for i in rows))


def _in_random_order(part: Sequence[GradedPair], rng: np.random.Generator) -> list[list[int]]:
    """The rows of each query; the order of the file does not change which queries come first."""
    groups: dict[str, list[int]] = {}
    for i, (pair, _) in enumerate(part):
        groups.setdefault(normalise_query(pair.query), []).append(i)
    texts = sorted(groups)
    return [groups[texts[i]] for i in rng.permutation(len(texts))]


class Mixed(NamedTuple):
    """A pool: what it took of each side."""

    in_dist: Part
    ood: Part


def mix(
    in_dist: Part,
    ood: Part,
    ood_share: float,
    cap: int | None,
    rng: np.random.Generator,
    thin: bool = False,
) -> Mixed:
    """The largest pool whose pairs are OOD to the share `ood_share`.

    Without a cap, one side stays whole and of the other whole queries are left out, so that the share is
    met as nearly as whole queries allow. With a cap, both sides are cut and the share is met to a pair.

    Args:
        in_dist: In-distribution pairs.
        ood: OOD pairs.
        ood_share: In [0, 1).
        cap: At most this many pairs.
        rng: Draws which queries stay.
        thin: Take pairs away from every query before whole queries are left out.
    """
    if ood_share == 0 or not ood:
        if cap is None:
            return Mixed(in_dist, ())
        return Mixed(cut_to(thin_to(in_dist, cap, rng) if thin else in_dist, cap, rng), ())
    # How large the pool would be with all of each side; compared as they are: a product with the share may
    # be rounded below the side it came from.
    by_in_dist, by_ood = len(in_dist) / (1.0 - ood_share), len(ood) / ood_share
    total = min(by_in_dist, by_ood)
    capped = cap is not None and cap < total
    if thin:
        size = cap if cap is not None and capped else total
        in_dist = thin_to(in_dist, size * (1.0 - ood_share), rng)
        ood = thin_to(ood, size * ood_share, rng)
    if cap is not None and capped:
        n_ood = round(cap * ood_share)
        return Mixed(cut_to(in_dist, cap - n_ood, rng), cut_to(ood, n_ood, rng))
    if by_in_dist <= by_ood:
        return Mixed(in_dist, near_to(ood, total * ood_share, rng))
    return Mixed(near_to(in_dist, total * (1.0 - ood_share), rng), ood)
