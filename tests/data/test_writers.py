from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darl.data.files import read_rows
from darl.data.readers import read_graded_pairs, read_pairs
from darl.data.writers import to_rows, write_graded_pairs, write_pairs
from darl.errors import ConfigError, UnknownGradeError
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair

SCALE = GradeScale(("bad", "good"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda t: bool(t.strip())
)
FIELDS = st.dictionaries(st.sampled_from(["brand", "color"]), TEXT.filter(lambda t: not t.startswith("[")))


@st.composite
def corpora(draw) -> list[GradedPair]:
    graded = []
    for i in range(draw(st.integers(1, 5))):
        given_fields = draw(FIELDS)
        fields = tuple((name, given_fields[name]) for name in ("brand", "color") if name in given_fields)
        domain = draw(st.one_of(st.just(""), TEXT))
        pair = Pair(f"q{i}", draw(TEXT), f"i{i}", draw(TEXT), domain, fields)
        graded.append(GradedPair(pair, draw(st.integers(0, 1))))
    return graded


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".csv", ".parquet"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(graded=corpora())
def test_what_is_written_is_what_is_read(tmp_path, suffix, graded):
    path = tmp_path / f"a{suffix}"
    fields = [name for name in ("brand", "color") if any(one.pair.field(name) for one in graded)]
    assert write_graded_pairs(path, graded, SCALE) == len(graded)
    assert read_graded_pairs(path, SCALE, item_fields=fields) == graded
    assert write_pairs(path, [one.pair for one in graded]) == len(graded)
    assert read_pairs(path, item_fields=fields) == [one.pair for one in graded]


def test_grades_are_written_by_name_and_every_row_has_every_field():
    graded = [
        GradedPair(Pair("q", "a", "1", "x"), 0),
        GradedPair(Pair("q", "a", "2", "y", "d", (("brand", "Acme"),)), 1),
    ]
    first, second = to_rows(graded, SCALE)
    common = {"query_id": "q", "query": "a"}
    assert first == {**common, "item_id": "1", "item": "x", "domain": "", "brand": "", "grade": "bad"}
    assert second == {**common, "item_id": "2", "item": "y", "domain": "d", "brand": "Acme", "grade": "good"}


def test_a_grade_beyond_the_scale_leaves_no_file(tmp_path):
    with pytest.raises(UnknownGradeError):
        write_graded_pairs(tmp_path / "a.jsonl", [GradedPair(Pair("q", "a", "1", "x"), 2)], SCALE)
    assert list(tmp_path.iterdir()) == []


def test_pairs_without_grades_have_no_grade_column(tmp_path):
    write_pairs(tmp_path / "a.csv", [Pair("q", "a", "1", "x")])
    assert "grade" not in read_rows(tmp_path / "a.csv")[0].values


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="jsonl"):
        write_pairs(tmp_path / "a.xlsx", [])
