"""How numbers are written for people."""

from __future__ import annotations

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def number(value: float | None) -> str:
    """Three decimals, or a dash.

    >>> number(0.51234), number(-0.0001), number(None) == MISSING
    ('0.512', '0.000', True)
    """
    if value is None:
        return MISSING
    # Adding zero turns -0.0 into 0.0.
    return f"{round(value, 3) + 0.0:.3f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """Three decimals with their sign, or a dash.

    >>> signed(0.051), signed(-0.051) == f"{MINUS}0.051", signed(0.00001)
    ('+0.051', True, '0.000')
    """
    text = number(value)
    return f"+{text}" if value is not None and round(value, 3) > 0 else text


def interval(low: float | None, high: float | None) -> str:
    """The ends of an interval in brackets, "" where there is none.

    >>> interval(0.48, 0.541), interval(None, None)
    ('[0.480, 0.541]', '')
    """
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def count(n: int | float) -> str:
    """A whole number with its thousands set apart.

    >>> count(10000)
    '10,000'
    """
    return f"{round(n):,}"


def percent(share: float) -> str:
    """A share as a whole percentage.

    >>> percent(0.834)
    '83%'
    """
    return f"{share:.0%}"


def listed(parts: list[str]) -> str:
    """Parts as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
