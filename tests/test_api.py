"""What `from darl import ...` gives, and the README's example run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import darl
from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from darl.models.store import is_cached
from tests.tiny import toy_pairs

ROOT = Path(__file__).parents[1]


def test_every_public_name_is_there():
    assert set(darl.__all__) == set(darl._HOMES)
    for name in darl.__all__:
        assert getattr(darl, name).__module__ == darl._HOMES[name]
    assert set(darl.__all__) <= set(dir(darl))


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = darl.nothing


def test_import_is_light():
    code = "import sys, darl; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def readme_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)


@pytest.mark.weights
@pytest.mark.skipif(not is_cached("minilm-l6"), reason="darl models pull minilm-l6")
def test_the_readmes_example_runs(tmp_path):
    (example,) = readme_blocks("python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 6
    write_graded_pairs(tmp_path / "shop" / "train.jsonl", toy_pairs(30, queries=10), GradeScale())
    write_graded_pairs(tmp_path / "shop" / "in_dist.jsonl", toy_pairs(6, queries=2, prefix="t"), GradeScale())
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scores, grades, percentiles = (one.split() for one in re.findall(r"\[(.*?)\]", done.stdout, re.S))
    assert len(scores) == len(grades) == len(percentiles) == 6
    assert all(0 <= float(score) <= 2 for score in scores)
    assert all(0 <= float(percentile) <= 100 for percentile in percentiles)


def test_the_readmes_commands_exist():
    from darl.cli.main import COMMANDS

    commands = {
        line.split()[1]
        for block in readme_blocks("sh")
        for line in block.splitlines()
        if line.startswith("darl ")
    }
    assert commands
    assert commands <= set(COMMANDS)
