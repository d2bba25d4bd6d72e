"""Pairs to grade, and people who fill in a sheet."""

import csv

from darl.grades import GradeScale
from darl.pairs import Pair

SCALE = GradeScale(("irrelevant", "weak", "strong"))
PAIRS = [
    Pair(
        "q1", "red shoe", "B07XYZ1234", "Shoe, red; size 42", "shoes", (("brand", "Ækte"), ("colour", "red"))
    ),
    Pair("q1", "red shoe", "0060892994", 'A book on "shoes"', "books", (("brand", "Ænd"),)),
    Pair("2", "=1+1", "MAR1", "line one\nline two", "", ()),
    Pair("3", "'quoted'", "00123", "日本語のくつ", "shoes", (("grade", "AA"),)),
    Pair("q4", "@home", "-7", "plain", "", (("=field", "+x"),)),
]


def read(path, delimiter=",", encoding="utf-8-sig"):
    with path.open(encoding=encoding, newline="") as handle:
        return list(csv.reader(handle, delimiter=delimiter))


def write(path, records, delimiter=",", encoding="utf-8-sig"):
    with path.open("w", encoding=encoding, newline="") as handle:
        csv.writer(handle, delimiter=delimiter).writerows(records)


def fill(path, grades, **dialect):
    """Write `grades` into the grade column, in order, and save in a dialect."""
    header, *rows = read(path)
    column = header.index("grade")
    for row, grade in zip(rows, grades, strict=True):
        row[column] = grade
    write(path, [header, *rows], **dialect)
