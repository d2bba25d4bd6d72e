from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.errors import ConfigError, UnknownGradeError
from darl.grades import GradeScale

NAMES = st.lists(st.text(min_size=1).filter(lambda text: text == text.strip()), min_size=2, unique=True)


@given(NAMES)
def test_name_and_index_are_inverses(names):
    scale = GradeScale(tuple(names))
    assert [scale.index(name) for name in names] == list(range(len(names)))


def test_the_default_scale_runs_from_irrelevant_to_strong():
    scale = GradeScale()
    assert [scale.name(i) for i in range(len(scale))] == ["irrelevant", "weak", "strong"]


@pytest.mark.parametrize("grade", ["weak", " weak\n", 1, 1.0, "1", "1.0"])
def test_a_grade_can_be_given_as_name_or_index(grade):
    assert GradeScale().index(grade) == 1


def test_a_name_wins_over_an_index():
    scale = GradeScale(("1", "2", "3"))
    assert scale.index("1") == 0
    assert scale.index(1) == 1


@pytest.mark.parametrize("grade", ["", "STRONG", "3", 3, -1, 0.5, float("nan"), float("inf"), True, False])
def test_what_is_not_on_the_scale_is_refused(grade):
    with pytest.raises(UnknownGradeError, match="expected one of irrelevant, weak, strong"):
        GradeScale().index(grade)


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_beyond_the_scale_has_no_name(index):
    with pytest.raises(UnknownGradeError):
        GradeScale().name(index)


def test_all_faults_of_a_scale_are_told_together():
    with pytest.raises(ConfigError) as caught:
        GradeScale((" ", " "))
    assert len(caught.value.faults) == 2
    with pytest.raises(ConfigError, match="at least 2"):
        GradeScale(("only",))
