import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.data.insurance.catalogue import shelves
from darl.data.insurance.corpus import InsuranceCorpus
from darl.data.insurance.facts import LIFELONG, NO_UPPER_AGE, UNSTATED, Product, Request
from darl.data.insurance.origins import FAR_OOD, IN_DIST, NEAR_OOD
from darl.data.insurance.rules import Columns, explain, grade, grades

CORPUS = InsuranceCorpus(train=1500, pool=1500, pool_ood_share=0.6)
CASES = CORPUS.cases("train") + CORPUS.cases("pool")
LARGE = InsuranceCorpus(train=3000, test=3000)
ORIGINS = {origin.name: origin for origin in (IN_DIST, NEAR_OOD, FAR_OOD)}
COVERS = ("dental", "eye", "hospital", "cancer")


def by_the_written_rules(request, product):
    """The table of docs/insurance.md, read out one line at a time."""
    if product.line != request.line:
        return 0
    if request.need and request.need not in product.covers:
        return 0
    wishes = []
    if request.age is not None:
        wishes.append(product.min_age <= request.age <= product.max_age)
    if request.budget is not None:
        wishes.append(product.price <= request.budget)
    if request.term is not None:
        least, most = request.term
        wishes.append(product.term != UNSTATED and least <= product.term <= most)
    if request.check:
        wishes.append(product.check == request.check)
    if request.extra:
        wishes.append(request.extra in product.covers)
    if request.unwanted:
        wishes.append(request.unwanted not in product.covers)
    return 2 if all(wishes) else 1


products = st.builds(
    lambda line, covers, low, span, price, term, check: Product(
        "p", "i", line, tuple(covers), (), low, low + span, price, term, check
    ),
    st.sampled_from(("health", "dental")),
    st.lists(st.sampled_from(COVERS), unique=True),
    st.integers(0, 80),
    st.sampled_from((0, 10, 50, NO_UPPER_AGE)),
    st.integers(5, 60),
    st.sampled_from((UNSTATED, 1, 10, 20, LIFELONG)),
    st.sampled_from(("", "none", "required")),
)
requests = st.builds(
    Request,
    st.sampled_from(("health", "dental")),
    st.none() | st.integers(0, 90),
    st.sampled_from(("", *COVERS)),
    st.none() | st.integers(5, 60),
    st.none() | st.sampled_from(((10, LIFELONG), (1, 10), (LIFELONG, LIFELONG), (1, LIFELONG - 1))),
    st.sampled_from(("", "none", "required")),
    st.sampled_from(("", *COVERS)),
    st.sampled_from(("", *COVERS)),
)


def test_the_grades_of_the_corpus_follow_from_the_facts():
    for case in CASES:
        assert case.graded.grade == by_the_written_rules(case.request, case.product)


@given(requests, products)
def test_the_rules_agree_with_the_written_ones(request, product):
    assert grade(request, product) == by_the_written_rules(request, product)


@given(requests, st.lists(products, min_size=1, max_size=6))
def test_many_products_at_once_are_graded_as_one_by_one(request, shelf):
    shelf = [product for product in shelf if product.line == request.line]
    if shelf:
        assert grades(request, Columns(shelf)).tolist() == [grade(request, p) for p in shelf]


def test_load_gives_the_pairs_of_the_cases():
    assert CORPUS.load("train") == tuple(case.graded for case in CORPUS.cases("train"))
    for case in CASES:
        pair = case.graded.pair
        assert (pair.item_id, pair.fields) == (case.product.item_id, case.product.fields())
        assert pair.domain.endswith(f"/{case.request.line}")


def test_every_rule_decides_some_pairs_alone():
    alone = {case.reason for case in CASES if ";" not in case.reason}
    for sign in (
        r"irrelevant: \w+, not \w+",
        r"irrelevant: \w+ is excluded",
        r"irrelevant: \w+ is not covered",
        r"weak: age \d+ is outside .+",
        r"weak: \$\d+ a month is over \$\d+",
        r"weak: the term is .+, not .+",
        r"weak: the entry check is .+, not .+",
        r"weak: \w+ would be welcome and is not covered",
        r"weak: \w+ is covered but not wanted",
    ):
        assert any(re.fullmatch(sign, reason) for reason in alone), sign


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (Request("life"), "irrelevant: health, not life"),
        (Request("life", age=17), "irrelevant: health, not life"),
        (Request("health", age=17), "weak: age 17 is outside 18-65"),
        (Request("health", age=66, need="dental"), "weak: age 66 is outside 18-65"),
        (Request("health", age=66, budget=35), "weak: age 66 is outside 18-65; $38 a month is over $35"),
        (Request("health", age=17, need="eye"), "irrelevant: eye is excluded"),
        (Request("health", need="eye"), "irrelevant: eye is excluded"),
        (Request("health", need="cancer", budget=5), "irrelevant: cancer is not covered"),
        (Request("health", term=(5, LIFELONG)), "weak: the term is 1 year, not 5 years or more"),
        (Request("health", term=(LIFELONG, LIFELONG)), "weak: the term is 1 year, not lifelong"),
        (Request("health", check="none"), "weak: the entry check is not stated, not none"),
        (Request("health", extra="eye"), "weak: eye would be welcome and is not covered"),
        (Request("health", unwanted="dental"), "weak: dental is covered but not wanted"),
        (Request("health", age=65, need="dental", budget=40), "strong: everything asked for holds"),
        (Request("health", term=(1, 2), unwanted="eye"), "strong: everything asked for holds"),
    ],
)
def test_explain(request_, told):
    product = Product("p", "Arvello", "health", ("dental",), ("eye",), 18, 65, 38, 1, "")
    assert explain(request_, product) == told


@pytest.mark.parametrize(
    ("term", "wanted", "expected"),
    [
        (LIFELONG, (1, LIFELONG - 1), "weak: the term is lifelong, not with an end"),
        (UNSTATED, (1, LIFELONG - 1), "weak: the term is not stated, not with an end"),
        (UNSTATED, (1, 10), "weak: the term is not stated, not 10 years or fewer"),
        (10, (1, 10), "strong: everything asked for holds"),
        (LIFELONG, (30, LIFELONG), "strong: everything asked for holds"),
    ],
)
def test_terms(term, wanted, expected):
    product = Product("p", "Arvello", "life", (), (), 18, NO_UPPER_AGE, 38, term, "")
    assert explain(Request("life", term=wanted), product) == expected


def test_a_request_is_met_in_full_by_some_product_and_names_a_need_and_a_wish():
    strong = Counter(case.graded.pair.query_id for case in CASES if case.graded.grade == 2)
    for case in CASES[:1000]:
        request = case.request
        wishes = (request.budget, request.term, request.check, request.extra, request.unwanted)
        assert 1 <= sum(bool(wish) for wish in wishes) <= 2
        assert request.need
        assert strong[case.graded.pair.query_id]


def test_some_requests_name_an_age_and_most_do_not():
    ages = {case.graded.pair.query_id: case.request.age for case in CASES}
    assert 0.3 < sum(age is not None for age in ages.values()) / len(ages) < 0.5


def why_irrelevant(case):
    line = "own line" if case.product.line == case.request.line else "other line"
    if case.request.need in case.product.covers:
        return f"{line}, covered"
    named = line == "own line" and case.request.need in case.product.excluded
    return f"{line}, {'excluded' if named else 'absent'}"


def lines_alike(case, stock):
    """The other lines of a catalogue that cover the need."""
    return {
        shelf.line.name
        for shelf in stock
        if shelf.line.name != case.request.line
        and any(case.request.need in product.covers for product in shelf.products)
    }


@pytest.fixture(scope="module", params=["train", "in_dist", "near_ood", "far_ood"])
def irrelevant(request):
    """The irrelevant cases of a slice, each with the other lines that cover its need."""
    stock = shelves(ORIGINS.get(request.param, IN_DIST), LARGE.seed)
    cases = [case for case in LARGE.cases(request.param) if case.graded.grade == 0]
    return [(case, lines_alike(case, stock)) for case in cases]


def test_hard_irrelevant_pairs_prevail(irrelevant):
    kinds = Counter(why_irrelevant(case) for case, _ in irrelevant)
    shares = {kind: count / kinds.total() for kind, count in kinds.items()}
    assert set(shares) == {
        "own line, excluded",
        "own line, absent",
        "other line, covered",
        "other line, absent",
    }
    assert 0.24 < shares["own line, excluded"] < 0.36
    assert 0.20 < shares["own line, absent"] < 0.30
    assert 0.05 < shares["other line, covered"] < 0.14
    assert 0.30 < shares["other line, absent"] < 0.44


def test_the_other_line_is_one_that_covers_the_need_where_there_is_any(irrelevant):
    others = [(case, alike) for case, alike in irrelevant if case.product.line != case.request.line]
    assert any(alike for _, alike in others)
    assert all(case.product.line in alike for case, alike in others if alike)


def test_where_another_line_covers_the_need_its_trap_is_served_as_often_as_planned(irrelevant):
    kinds = Counter(why_irrelevant(case) for case, alike in irrelevant if alike)
    assert 0.25 < kinds.total() / len(irrelevant) < 0.5
    assert 0.2 < kinds["other line, covered"] / kinds.total() < 0.3
