"""How a line of insurance, its covers and its facts are put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from darl.data.insurance.facts import NO_UPPER_AGE


def forms(text: str) -> tuple[str, ...]:
    """The alternatives of a text written "one|another"; none for an empty text.

    >>> forms("fillings|cavities")
    ('fillings', 'cavities')
    """
    return tuple(part.strip() for part in text.split("|")) if text else ()


def bands(text: str) -> tuple[tuple[int, int], ...]:
    """Ranges of entry ages, (youngest, oldest), from text.

    >>> bands("0-17, 60+")
    ((0, 17), (60, 999))
    """
    ends = (part.strip().removesuffix("+").split("-") for part in text.split(","))
    return tuple((int(span[0]), int(span[1]) if len(span) == 2 else NO_UPPER_AGE) for span in ends)


@dataclass(frozen=True)
class Wording:
    """Surface forms of one meaning: those items use and those queries use."""

    item: tuple[str, ...]
    query: tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """A meaning in two vocabularies: the one of the training slices and the one kept for near_ood."""

    seen: Wording
    unseen: Wording


def term(item: str, query: str, new_item: str = "", new_query: str = "") -> Term:
    """A Term from alternatives written "one|another"."""
    return Term(Wording(forms(item), forms(query)), Wording(forms(new_item), forms(new_query)))


@dataclass(frozen=True)
class Line:
    """A kind of insurance.

    Args:
        name: Its key.
        subject: What is insured, which decides how ages are said: "person", "pet" or "building".
        names: What it is called.
        covers: Cover key to wording; a key that two lines share marks covers that use the same words.
        bands: Entry ages that its products have, (youngest, oldest).
        prices: Least and most dollars a month.
        years: Contract lengths that its products have.
        exam: What its entry check is called.
        lifelong: How a contract without an end is called: "life" or "open-ended".
    """

    name: str
    subject: str
    names: Term
    covers: Mapping[str, Term] = field(repr=False)
    bands: tuple[tuple[int, int], ...]
    prices: tuple[int, int]
    years: tuple[int, ...]
    exam: Term
    lifelong: str
