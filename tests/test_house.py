"""The laws of the house that a linter does not know."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "darl").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function):
    """Lines of a function without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_over_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_functions_are_short():
    lengths = [length(function) for path in SOURCES for function in functions(path)]
    assert statistics.median(lengths) <= 6
    assert sum(n <= 40 for n in lengths) / len(lengths) >= 0.95


def test_the_package_prints_and_asserts_nothing():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Assert), path
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
            assert called != "print", path


def test_there_is_no_room_for_what_has_no_home():
    assert not {path.stem for path in SOURCES} & {"utils", "util", "helpers", "common", "misc"}


def test_package_init_files_hold_a_docstring_only():
    for path in SOURCES:
        if path.name == "__init__.py" and path.parent != ROOT / "darl":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert len(body) == 1, path
            assert isinstance(body[0], ast.Expr), path


def test_every_member_of_a_family_has_a_test_that_names_it():
    from darl.annotation.catalogue import ANNOTATORS
    from darl.calibration.catalogue import CALIBRATORS, DECISIONS
    from darl.objectives.catalogue import OBJECTIVES
    from darl.ood.catalogue import DETECTORS
    from darl.selection.catalogue import STRATEGIES

    rooms = {
        "annotation": ANNOTATORS,
        "calibration": CALIBRATORS | DECISIONS,
        "objectives": OBJECTIVES,
        "ood": DETECTORS,
        "selection": STRATEGIES,
    }
    for room, family in rooms.items():
        text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / room).glob("test_*.py"))
        for name, member in family.items():
            assert member.__name__ in text or f'"{name}"' in text, (room, name)


def test_every_exception_is_in_the_tree_that_is_drawn():
    import darl.errors as errors

    for name, member in vars(errors).items():
        if isinstance(member, type) and issubclass(member, Exception):
            assert name in errors.__doc__
            assert issubclass(member, errors.DarlError)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_experiments_that_help_and_pages_name_are_there():
    texts = [path.read_text(encoding="utf-8") for path in [*SOURCES, *PAGES]]
    named = {name for text in texts for name in re.findall(r"experiments/[a-z0-9-]+\.yaml", text)}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
