from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from darl import errors
from darl.errors import AnnotationPending, ConfigError, DarlError, DataError, Fault, MissingExtraError

EXCEPTIONS = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, Exception) and member.__module__ == errors.__name__
]


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_everything_darl_raises_can_be_caught_as_one(exception):
    assert issubclass(exception, DarlError)


@pytest.mark.parametrize("exception", [e for e in EXCEPTIONS if e is not DarlError])
def test_the_module_docstring_draws_the_whole_tree(exception):
    assert f"── {exception.__name__} " in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("a.csv", 3, "grade", "expected x"), "a.csv:3: grade: expected x"),
        (Fault("a.csv", 3, "", "expected x"), "a.csv:3: expected x"),
        (Fault("a.csv", 0, "", "expected x"), "a.csv: expected x"),
        (Fault("-", 0, "query", "expected x"), "-: query: expected x"),
    ],
)
def test_a_fault_says_where(fault, text):
    assert str(fault) == text


def test_data_error_keeps_all_faults_and_shows_twenty():
    faults = [Fault("a.csv", line, "", f"message {line}") for line in range(1, 31)]
    error = DataError("reading a.csv", faults)
    lines = str(error).splitlines()
    assert error.faults == tuple(faults)
    assert lines[0] == "reading a.csv (30 faults)"
    assert len(lines) == 22
    assert lines[-2].endswith("message 20")
    assert lines[-1] == "  ... and 10 more"


def test_config_error_counts_one_fault_in_the_singular():
    error = ConfigError("stage", ["lr: expected above 0, received -1"])
    assert str(error) == "stage (1 fault)\n  - lr: expected above 0, received -1"
    assert error.head == "stage"


def test_missing_extra_says_what_to_install():
    assert str(MissingExtraError("ray", "scale")) == "needs ray: pip install 'darl[scale]'"


def test_annotation_pending_carries_the_path():
    assert AnnotationPending(Path("grades.csv"), "grade it").path == Path("grades.csv")
