"""The facts of a request as what somebody types into a search box."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from darl.data.insurance.facts import LIFELONG, Request, years_text
from darl.data.insurance.phrasebook import Phrasebook, pick
from darl.data.insurance.vocabulary import Line, forms

ADULT = 18
ELDERLY = 60
SHORTEST_MISSPELLED = 6
KEPT_CASE = 0.2

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_SMALL_NUMBERS = forms(
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen"
)
_TENS = forms("twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety")


def number_words(number: int) -> str:
    """A number below 100 in words.

    >>> number_words(7), number_words(40), number_words(72)
    ('seven', 'forty', 'seventy-two')
    """
    if number < len(_SMALL_NUMBERS):
        return _SMALL_NUMBERS[number]
    tens, unit = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_SMALL_NUMBERS[unit]}" if unit else "")


def normalised(text: str) -> str:
    r"""The form in which query texts are told apart: NFKC, casefolded, letters and digits only.

    Stricter than stripping punctuation and collapsing spaces: texts that differ here differ there.

    >>> normalised("Life  insurance,\nNOT term!")
    'lifeinsurancenotterm'
    """
    return _NOT_ALPHANUMERIC.sub("", unicodedata.normalize("NFKC", text).casefold())


def misspell(text: str, rng: np.random.Generator) -> str:
    """`text` with one letter of one of its longer words dropped, doubled or swapped with the next.

    First and last letters, numbers and short words, negations among them, are left alone.
    """
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) >= SHORTEST_MISSPELLED and word.isalpha()]
    if not places:
        return text
    place = pick(rng, places)
    word = words[place]
    at = int(rng.integers(1, len(word) - 2))
    before, a, b, after = word[:at], word[at], word[at + 1], word[at + 2 :]
    words[place] = before + pick(rng, (b, a + a + b, b + a)) + after
    return " ".join(words)


def insured_pattern(subject: str, age: int) -> str:
    """The name of the patterns by which an insured of this age is said.

    >>> insured_pattern("person", 0), insured_pattern("person", 72), insured_pattern("pet", 3)
    ('baby', 'senior', 'pet')
    """
    if subject != "person":
        return subject
    if age >= ELDERLY:
        return "senior"
    if age >= ADULT:
        return "adult"
    return "child" if age else "baby"


def term_pattern(term: tuple[int, int], lifelong: str) -> tuple[str, int]:
    """The name of the patterns by which a wished-for term is said, and the years that go into them.

    >>> term_pattern((20, LIFELONG), "life"), term_pattern((1, LIFELONG - 1), "life")
    (('at least', 20), ('not life', 0))
    """
    low, high = term
    if low == LIFELONG:
        return lifelong, 0
    if high == LIFELONG:
        return "at least", low
    return (f"not {lifelong}", 0) if high == LIFELONG - 1 else ("at most", high)


def render_query(request: Request, line: Line, book: Phrasebook, rng: np.random.Generator) -> str:
    """A query that asks for what `request` holds, in random order and wording."""
    name = pick(rng, book.words(line.names).query)
    head = pick(rng, book.query["head" if request.need else "plain"])
    need = pick(rng, book.words(line.covers[request.need]).query) if request.need else ""
    parts = _clauses(request, line, book, rng)
    order = [parts[i] for i in rng.permutation(len(parts))]
    order.insert(int(rng.integers(min(2, len(order) + 1))), head.format(line=name, x=need))
    text = pick(rng, book.query["join"]).join(order)
    if rng.random() < book.misspelled:
        text = misspell(text, rng)
    return text[0].upper() + text[1:] if rng.random() < KEPT_CASE else text.lower()


def _clauses(request: Request, line: Line, book: Phrasebook, rng: np.random.Generator) -> list[str]:
    def said(name: str, **values: object) -> str:
        return pick(rng, book.query[name]).format(**values)

    def cover(key: str) -> str:
        return pick(rng, book.words(line.covers[key]).query)

    parts = []
    if request.age is not None:
        words = number_words(request.age) if request.age < 100 else str(request.age)
        parts.append(said(insured_pattern(line.subject, request.age), age=request.age, words=words))
    if request.budget is not None:
        parts.append(said("budget", b=request.budget))
    if request.term is not None:
        name, years = term_pattern(request.term, line.lifelong)
        parts.append(said(name, n=years, years=years_text(years)))
    if request.check:
        parts.append(said(request.check, exam=pick(rng, book.words(line.exam).query)))
    if request.extra:
        parts.append(said("extra", x=cover(request.extra)))
    if request.unwanted:
        parts.append(said("unwanted", x=cover(request.unwanted)))
    return parts
