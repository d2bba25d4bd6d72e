"""What --help says, and how quickly."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from darl.cli.main import COMMANDS, command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_a_runnable_example(name):
    result = CliRunner().invoke(command, [name, "--help"])
    assert result.exit_code == 0
    example = re.search(r"Examples?:\n(.*)", result.output, re.S)
    assert example
    assert f"darl {name}" in example.group(1)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_use_options_that_exist(name):
    """Every option in an example is one of the subcommand it is shown with."""
    text = CliRunner().invoke(command, [name, "--help"]).output
    for line in re.findall(r"darl ([a-z]+(?: [a-z]+)?)([^|\n]*(?:\\\n[^\n]*)*)", text.split("Example", 1)[1]):
        words = line[0].split()
        found = command.get_command(None, words[0])
        if hasattr(found, "commands") and len(words) > 1:
            found = found.commands[words[1]]
        known = {option for parameter in found.params for option in parameter.opts}
        assert set(re.findall(r"(--[a-z-]+)", line[1])) <= known


def test_help_is_quick_and_loads_nothing_heavy():
    began = time.process_time()
    code = (
        "import sys\n"
        "from darl.cli.main import command\n"
        "command.main(['--help'], standalone_mode=False)\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'sklearn', 'pydantic')))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
    assert time.process_time() - began < 1
