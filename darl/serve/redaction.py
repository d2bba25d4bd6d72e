"""What is taken out of texts before they are kept: addresses, numbers, and whatever else is named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from darl.pairs import Pair

# Each begins where a word begins and never goes back over what it took, or a long text takes forever.
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "email": r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)*+",
        "digits": r"\d(?:[ \-\u00a0]?\d){7,}+",
        "phone": r"(?<!\d)\+?\(?\d(?:[ ().\-/\u00a0]{0,3}+\d){6,}+",
    }
)
"""An e-mail address; 8 digits or more, as of cards, accounts and orders; 7 or more with all that people put
into telephone numbers. They take too much rather than too little."""

OTHER = "redacted"


class Redaction:
    """Takes what matches out of texts, and leaves a mark that says what it was.

    Args:
        patterns: Names of `BUILT_IN`, or regular expressions; applied in this order.

    >>> Redaction(["email", "digits"]).text("mail jo@shop.example, order 1234-5678")
    'mail [email], order [digits]'
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._rules = [
            (re.compile(BUILT_IN.get(one, one)), f"[{one if one in BUILT_IN else OTHER}]") for one in patterns
        ]

    def text(self, text: str) -> str:
        """The text without what matches."""
        for pattern, mark in self._rules:
            text = pattern.sub(mark, text)
        return text

    def pair(self, pair: Pair) -> Pair:
        """The pair, each of its texts without what matches."""
        fields = tuple((name, self.text(value)) for name, value in pair.fields)
        query, item, domain = (self.text(one) for one in (pair.query, pair.item, pair.domain))
        return pair._replace(query=query, item=item, domain=domain, fields=fields)
