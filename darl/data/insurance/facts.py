"""What the generated corpus is made of: products, and what people ask of them."""

from __future__ import annotations

from dataclasses import dataclass

LIFELONG = 999
NO_UPPER_AGE = 999
UNSTATED = 0


def years_text(years: int) -> str:
    """A number of years as text.

    >>> years_text(1), years_text(20)
    ('1 year', '20 years')
    """
    return "1 year" if years == 1 else f"{years} years"


@dataclass(frozen=True)
class Product:
    """The facts of one insurance product.

    Attributes:
        item_id: Identifies the product within a corpus.
        insurer: Who sells it.
        line: The kind of insurance ("health", "pet", ...).
        covers: What it pays for, as cover keys of its line; whatever is not listed is not covered.
        excluded: Covers that its text names as not covered.
        min_age: Youngest insured person, pet or building in years, inclusive.
        max_age: Oldest one, inclusive; NO_UPPER_AGE where there is no limit.
        price: Premium in dollars a month.
        term: Years that the contract runs, LIFELONG, or UNSTATED.
        check: Entry check ("none", "required"), "" where the text does not say.
    """

    item_id: str
    insurer: str
    line: str
    covers: tuple[str, ...]
    excluded: tuple[str, ...]
    min_age: int
    max_age: int
    price: int
    term: int
    check: str

    @property
    def ages(self) -> str:
        """The entry ages as text, such as "18-65" or "60+"."""
        return f"{self.min_age}+" if self.max_age == NO_UPPER_AGE else f"{self.min_age}-{self.max_age}"

    @property
    def term_name(self) -> str:
        """The term as text: "20 years", "lifelong", or "" where it is not stated."""
        if self.term == LIFELONG:
            return "lifelong"
        return years_text(self.term) if self.term else ""

    def fields(self) -> tuple[tuple[str, str], ...]:
        """The facts as (name, text), for `Pair.fields`; facts that the text leaves out are left out."""
        named = (
            ("insurer", self.insurer),
            ("line", self.line),
            ("covers", ", ".join(self.covers)),
            ("excluded", ", ".join(self.excluded)),
            ("ages", self.ages),
            ("term", self.term_name),
            ("check", self.check),
            ("price", f"${self.price}/month"),
        )
        return tuple((name, text) for name, text in named if text)


@dataclass(frozen=True)
class Request:
    """The facts of one query: what must hold (line, need) and what is wished for (the rest).

    Attributes:
        line: The kind of insurance asked for.
        age: Age of who or what is to be insured, None where the query does not say.
        need: The cover that it is for, as a cover key of the line; "" where only the line is asked for.
        budget: Most dollars a month, None where the query does not say.
        term: Least and most years the contract may run, both inclusive, None where the query does not say.
        check: The entry check wished for ("none", "required"), "" where the query does not say.
        extra: A second cover that would be welcome, "" for none.
        unwanted: A cover that is not to be paid for, "" for none.
    """

    line: str
    age: int | None = None
    need: str = ""
    budget: int | None = None
    term: tuple[int, int] | None = None
    check: str = ""
    extra: str = ""
    unwanted: str = ""
