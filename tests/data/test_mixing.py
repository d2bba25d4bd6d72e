from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from darl.data.mixing import cut_to, mix, near_to, thin_to
from darl.pairs import GradedPair, Pair

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=12)
SEED = st.integers(0, 2**32 - 1)


def part(sizes: list[int], side: str = "s") -> tuple[GradedPair, ...]:
    """Queries with these numbers of pairs, sorted by grade within each as judged files often are."""
    return tuple(
        GradedPair(Pair(f"{side}{q}", f"{side} query {q}", f"i{i}", "x"), i * 3 // size)
        for q, size in enumerate(sizes)
        for i in range(size)
    )


def per_query(chosen: tuple[GradedPair, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in chosen:
        counts[one.pair.query_id] = counts.get(one.pair.query_id, 0) + 1
    return counts


@settings(max_examples=60)
@given(SIZES, st.integers(0, 60), SEED)
def test_a_cut_has_its_size_and_at_most_one_query_in_part(sizes, n, seed):
    whole = part(sizes)
    cut = cut_to(whole, n, np.random.default_rng(seed))
    assert len(cut) == min(n, len(whole))
    full = per_query(whole)
    assert sum(count < full[query] for query, count in per_query(cut).items()) <= 1
    assert list(cut) == [one for one in whole if one in cut]


def test_a_cut_does_not_favour_the_grades_at_the_start_of_a_query():
    whole = part([30])
    taken = [one.grade for seed in range(40) for one in cut_to(whole, 10, np.random.default_rng(seed))]
    assert all(100 < taken.count(grade) < 170 for grade in range(3))


@settings(max_examples=60)
@given(SIZES, st.floats(0, 80), SEED)
def test_whole_queries_come_as_near_to_the_target_as_their_order_allows(sizes, n, seed):
    whole = part(sizes)
    chosen = near_to(whole, n, np.random.default_rng(seed))
    full = per_query(whole)
    assert chosen
    assert all(count == full[query] for query, count in per_query(chosen).items())
    assert abs(len(chosen) - n) <= max(max(sizes) / 2, n - len(whole), sizes and max(sizes) - n)


def test_of_nothing_nothing_is_chosen():
    assert near_to((), 3.0, np.random.default_rng(0)) == ()


@settings(max_examples=60)
@given(SIZES, SIZES, st.sampled_from([0.05, 0.2, 0.5, 0.9]), SEED)
@example([1, 1, 1, 4, 9], [1] * 5 + [2] + [9] * 6, 0.9, 0)  # 61 / 0.9 * 0.9 < 61
def test_a_pool_without_a_cap_keeps_one_side_whole_and_is_near_its_share(inner, outer, share, seed):
    in_dist, ood = part(inner, "in"), part(outer, "ood")
    mixed = mix(in_dist, ood, share, None, np.random.default_rng(seed))
    assert mixed.in_dist == in_dist or mixed.ood == ood
    # Where one query is all a side has, both sides stay whole, and either may be the one that is too long.
    whole = {"in": mixed.in_dist == in_dist, "ood": mixed.ood == ood}
    short = max([*inner * whole["ood"], *outer * whole["in"]])
    total = min(len(in_dist) / (1 - share), len(ood) / share)
    assert abs(len(mixed.ood) - total * share) < short + 1e-9
    assert abs(len(mixed.in_dist) - total * (1 - share)) < short + 1e-9


@settings(max_examples=60)
@given(SIZES, SIZES, st.sampled_from([0.0, 0.2, 0.5]), st.integers(1, 50), SEED)
def test_a_cap_is_never_exceeded_and_met_to_the_pair(inner, outer, share, cap, seed):
    in_dist, ood = part(inner, "in"), part(outer, "ood")
    mixed = mix(in_dist, ood, share, cap, np.random.default_rng(seed))
    reachable = min(len(in_dist) / (1 - share), len(ood) / share if share else np.inf)
    if cap < reachable:
        assert len(mixed.in_dist) + len(mixed.ood) == cap
        assert len(mixed.ood) == round(cap * share)


@settings(max_examples=60)
@given(SIZES, st.floats(0, 80), SEED)
def test_thinned_to_a_size_every_query_gives_alike(sizes, n, seed):
    whole = part(sizes)
    thin = thin_to(whole, n, np.random.default_rng(seed))
    full, kept = per_query(whole), per_query(thin)
    each = max(kept.values())
    assert kept == {query: min(each, count) for query, count in full.items()}
    assert len(thin) >= min(n, len(whole))
    assert each == 1 or sum(min(each - 1, count) for count in full.values()) < n


@pytest.mark.parametrize("cap", [None, 40])
def test_a_pool_may_keep_all_queries_with_fewer_pairs_each(cap):
    in_dist, ood = part([8] * 10, "in"), part([9] * 10, "ood")
    rng = np.random.default_rng(0)
    whole, thin = (mix(in_dist, ood, 0.2, cap, rng, thin) for thin in (False, True))
    assert len(per_query(whole.ood)) <= 2 < 8 <= len(per_query(thin.ood))
    assert len(thin.ood) / len(thin.in_dist + thin.ood) == pytest.approx(0.2, abs=0.01)
    assert len(thin.in_dist + thin.ood) == cap or thin.in_dist == in_dist


def test_a_pool_of_one_side_may_keep_all_queries_too():
    in_dist, rng = part([10] * 20), np.random.default_rng(0)
    assert len(per_query(mix(in_dist, (), 0.0, 40, rng).in_dist)) == 4
    assert per_query(mix(in_dist, (), 0.0, 40, rng, thin=True).in_dist) == {f"s{q}": 2 for q in range(20)}


@pytest.mark.parametrize("cap", [None, 3])
def test_a_pool_without_ood_pairs_is_in_dist_only(cap):
    in_dist = part([4, 4])
    mixed = mix(in_dist, (), 0.2, cap, np.random.default_rng(0))
    assert mixed.ood == ()
    assert len(mixed.in_dist) == (cap or 8)
