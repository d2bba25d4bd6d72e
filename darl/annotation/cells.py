"""Texts in a spreadsheet: safe to open, and the same when they come back."""

from __future__ import annotations

import re

GUARD = "'"

# What a spreadsheet program takes for a formula, with the full-width forms of = + - @, and the guard
# itself, so that `unguarded` knows an apostrophe of ours from one of the text's.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20']|[\t\r\n]")
# What it rewrites as a number, a date or a truth value: 007, 1E5, 1-2, 12345678901234567, SEPT2, true.
_WHOLE = re.compile(r"0|[1-9]\d{0,14}")
_NUMERIC = re.compile(r"\s*[.,]?\d[\d\s.,:/%eE+\-]*")
_MONTH = r"jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_DATE = re.compile(rf"(?=.*\d)[\d\s.,/-]*(?:{_MONTH})[^\W\d_]*[\d\s.,/-]*", re.IGNORECASE)
_TRUTH = re.compile("true|false", re.IGNORECASE)


def guarded(text: str) -> str:
    """`text` with a leading apostrophe where a spreadsheet program would run or rewrite it.

    >>> [guarded(text) for text in ("=1+1", "0042", "42", "red shoe")]
    ["'=1+1", "'0042", '42', 'red shoe']

    Reference: OWASP, CSV Injection.
    """
    rewritten = any(pattern.fullmatch(text) for pattern in (_NUMERIC, _DATE, _TRUTH))
    if _FORMULA.match(text) or (rewritten and not _WHOLE.fullmatch(text)):
        return GUARD + text
    return text


def unguarded(cell: str) -> str:
    """The text that `guarded` was given.

    >>> unguarded("'=1+1"), unguarded("red shoe")
    ('=1+1', 'red shoe')
    """
    return cell.removeprefix(GUARD)


def same_text(text: str, cell: str) -> bool:
    """Whether a cell still holds `text`.

    Space may differ, the guard may be gone, and characters beyond ASCII may have become "?": programs do
    this to cells on saving, and none of it means that somebody moved or edited the text.
    """
    plain = text.encode("ascii", "replace").decode("ascii")
    texts, cells = {_squashed(text), _squashed(plain)}, {_squashed(cell), _squashed(unguarded(cell))}
    return not texts.isdisjoint(cells)


def _squashed(text: str) -> str:
    return " ".join(text.split())
