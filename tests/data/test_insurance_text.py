import re
from itertools import product as combinations_of

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.data.insurance.cases import owner
from darl.data.insurance.corpus import InsuranceCorpus
from darl.data.insurance.facts import LIFELONG, NO_UPPER_AGE
from darl.data.insurance.item_text import age_pattern
from darl.data.insurance.origins import FAR_OOD, IN_DIST, NEAR_OOD
from darl.data.insurance.phrases_seen import SEEN
from darl.data.insurance.phrases_unseen import UNSEEN
from darl.data.insurance.query_text import insured_pattern, misspell, normalised, number_words, term_pattern

CORPUS = InsuranceCorpus(train=1000, test=1000)
PEOPLE = IN_DIST.lines
EVERY_LINE = [
    (line, book) for origin in (IN_DIST, NEAR_OOD, FAR_OOD) for line in origin.lines for book in origin.books
]
PUNCTUATION_ONLY = {"and", "separator", "join"}


def told_once(meanings):
    """Every text has one meaning; gives the texts."""
    texts = {}
    for meaning, text in meanings:
        assert texts.setdefault(text.lower(), meaning) == meaning, text
    return texts


def item_meanings(line, book):
    exams = book.words(line.exam).item
    for key, term in line.covers.items():
        for name in ("include", "exclude"):
            yield from (((name, key), p.format(x=x)) for p in book.item[name] for x in book.words(term).item)
    for low, high in line.bands:
        patterns = book.item[age_pattern(line.subject, low, high)]
        yield from ((("ages", low, high), p.format(lo=low, hi=high)) for p in patterns)
    for name in ("none", "required"):
        yield from ((name, p.format(exam=exam)) for p, exam in combinations_of(book.item[name], exams))
    yield from (
        ((n, "years"), p.format(n=n, years=f"{n} years")) for n in line.years for p in book.item["years"]
    )
    yield from (("lifelong", p) for p in book.item[line.lifelong])
    yield from (
        (("price", price), p.format(p=price)) for price in range(*line.prices) for p in book.item["price"]
    )


def query_meanings(line, book):
    exams = book.words(line.exam).query
    for key, term in line.covers.items():
        for name in ("extra", "unwanted"):
            yield from (
                ((name, key), p.format(x=x)) for p in book.query[name] for x in book.words(term).query
            )
    for age in range(91):
        patterns = book.query[insured_pattern(line.subject, age)]
        yield from ((("age", age), p.format(age=age, words=number_words(age))) for p in patterns)
    for name in ("none", "required"):
        yield from ((name, p.format(exam=exam)) for p, exam in combinations_of(book.query[name], exams))
    for n, name in combinations_of(line.years, ("at least", "at most")):
        yield from (((name, n), p.format(n=n, years=f"{n} years")) for p in book.query[name])
    for name in (line.lifelong, f"not {line.lifelong}"):
        yield from ((name, p) for p in book.query[name])
    yield from ((("budget", b), p.format(b=b)) for b in range(5, 200, 5) for p in book.query["budget"])


@pytest.mark.parametrize(("line", "book"), EVERY_LINE, ids=lambda part: getattr(part, "name", ""))
def test_no_wording_means_two_things(line, book):
    assert len(told_once(item_meanings(line, book))) > 150
    assert len(told_once(query_meanings(line, book))) > 150


@pytest.mark.parametrize("side", ["item", "query"])
def test_no_line_has_a_word_for_two_covers(side):
    for line, book in EVERY_LINE:
        told_once((key, x) for key, term in line.covers.items() for x in getattr(book.words(term), side))


@pytest.mark.parametrize("side", ["item", "query"])
def test_the_books_say_the_same_things_in_different_words(side):
    seen, unseen = getattr(SEEN, side), getattr(UNSEEN, side)
    assert seen.keys() == unseen.keys()
    for name in seen.keys() - PUNCTUATION_ONLY:
        assert not set(seen[name]) & set(unseen[name]), name
        assert len(seen[name]) >= 2
        assert len(unseen[name]) >= 2


def test_lines_covers_and_exams_have_unseen_words_for_near_ood():
    terms = [term for line in PEOPLE for term in (line.names, line.exam, *line.covers.values())]
    seen = {form for term in terms for form in term.seen.item + term.seen.query}
    unseen = {form for term in terms for form in term.unseen.item + term.unseen.query}
    assert all(term.unseen.item and term.unseen.query for term in terms)
    assert not seen & unseen


def test_lines_share_covers_that_use_the_same_words():
    for lines in (PEOPLE, FAR_OOD.lines):
        keys = [key for line in lines for key in line.covers]
        assert len(set(keys)) < len(keys)


def test_prices_are_never_exactly_a_budget():
    for line in (*PEOPLE, *FAR_OOD.lines):
        assert line.prices[0] < line.prices[1]
    assert all(case.product.price % 5 for case in CORPUS.cases("train"))
    budgets = [case.request.budget for case in CORPUS.cases("train") if case.request.budget is not None]
    assert budgets
    assert not any(budget % 5 for budget in budgets)


@pytest.mark.parametrize("name", ["train", "near_ood", "far_ood"])
def test_the_texts_state_the_facts_that_are_numbers(name):
    for case in CORPUS.cases(name):
        product, request = case.product, case.request
        numbers = set(map(int, re.findall(r"\d+", case.graded.pair.item)))
        stated = {product.price, product.max_age, product.min_age, product.term}
        assert numbers <= stated | {0}
        hidden = {0, NO_UPPER_AGE, LIFELONG}
        assert stated - hidden <= numbers
        asked = set(map(int, re.findall(r"\d+", case.graded.pair.query)))
        assert asked <= {request.age, request.budget, *(request.term or ())}
        assert request.budget is None or request.budget in asked


@pytest.mark.parametrize("name", ["train", "near_ood", "far_ood"])
def test_one_product_is_worded_in_many_ways(name):
    openings = {pair.item.split(pair.field("insurer"))[0][:12] for pair, _ in CORPUS.load(name)}
    tails = {pair.item[-14:] for pair, _ in CORPUS.load(name)}
    assert len(openings) >= 5
    assert len(tails) > 100


def test_some_queries_are_misspelled_and_most_are_not():
    known = {
        word for line, book in EVERY_LINE for _, text in query_meanings(line, book) for word in text.split()
    }
    known |= {w for line, book in EVERY_LINE for x in book.words(line.names).query for w in x.split()}
    known |= {
        w
        for line, book in EVERY_LINE
        for t in line.covers.values()
        for x in book.words(t).query
        for w in x.split()
    }
    known |= {word for p in SEEN.query["head"] + SEEN.query["plain"] for word in p.split()}
    plain = {re.sub(r"[^a-z']", "", word.lower()) for word in known}
    queries = sorted({pair.query for pair, _ in InsuranceCorpus(train=4000).load("train")})
    odd = [
        any(re.sub(r"[^a-z']", "", w.lower()) not in plain | {""} for w in query.split()) for query in queries
    ]
    assert 0.05 < sum(odd) / len(odd) < 0.2


@given(
    st.integers(0, 2**32),
    st.sampled_from(["life insurance without medical exam", "no dental for me, 72", "physio"]),
)
def test_misspelling_spares_ends_numbers_and_short_words(seed, text):
    before, after = text.split(), misspell(text, np.random.default_rng(seed)).split()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) <= 1
    for a, b in changed:
        assert len(a) >= 6
        assert a.isalpha()
        assert (a[0], a[-1]) == (b[0], b[-1])
        assert abs(len(a) - len(b)) <= 1


def test_misspelling_leaves_a_text_of_short_words_alone():
    assert misspell("no dog, 72", np.random.default_rng(0)) == "no dog, 72"


def test_owner_disregards_case_space_and_punctuation():
    texts = ("Life cover, not term!", "life   cover not-term", "LIFE COVER (not term)")
    assert len({owner(text) for text in texts}) == len({normalised(text) for text in texts}) == 1


def test_term_patterns():
    told = [
        term_pattern(term, "life")
        for term in ((5, LIFELONG), (1, 10), (LIFELONG, LIFELONG), (1, LIFELONG - 1))
    ]
    assert told == [("at least", 5), ("at most", 10), ("life", 0), ("not life", 0)]
