import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.annotation.cells import guarded, same_text, unguarded

FORMULAS = [
    "=cmd|'/c calc'!A1", "+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\n=1",
    "  =1+1", "\uff1d1+1", "\uff0b1", "'x",
]  # fmt: skip
REWRITTEN = [
    "007", "00", "1E5", "1e-5", "3.50", "1,5", "1/2", "1-2-2024", "10:30", "10%", "12345678901234567",
    "MAR1", "sept-2", "Dez 2024", "2 May", "1.Jan.24", "TRUE", "false",
]  # fmt: skip
PLAIN = [
    "",
    "0",
    "42",
    "123456789012345",
    "q17",
    "B07XYZ1234",
    "red shoe",
    "decor",
    "marine",
    "3 decorative mugs",
    "a=b",
]


@pytest.mark.parametrize("text", FORMULAS + REWRITTEN)
def test_guarded(text):
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("text", PLAIN)
def test_left_alone(text):
    assert guarded(text) == text


@given(st.text())
def test_unguarded_is_the_inverse(text):
    assert unguarded(guarded(text)) == text


@given(st.text())
def test_no_guarded_cell_begins_a_formula(text):
    assert not guarded(text).lstrip().startswith(("=", "+", "-", "@"))


@given(st.text())
def test_a_cell_that_was_written_is_the_same_text(text):
    assert same_text(text, guarded(text))
    assert same_text(text, text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a\r\nb", "a\nb"), (" a  b", "a b"), ("schön", "sch?n"), ("'x'", "'x'"), ("=1", "=1"), ("日本", "??")],
)
def test_what_programs_do_to_cells_is_forgiven(text, cell):
    assert same_text(text, cell)


@pytest.mark.parametrize(
    ("text", "cell"), [("007", "7"), ("ab", "AB"), ("a b", "ab"), ("x", ""), ("日本", "日")]
)
def test_what_people_do_is_not(text, cell):
    assert not same_text(text, cell)
