"""The entry point: finds the subcommand, and turns what darl raises into a message and an exit status.

Exit status: 0 done; 1 darl cannot go on, and says why; 2 the command line is wrong; 3 people have to grade a
file first; 4 an audit found what it was told to fail on, or a model was not promoted; 130 stopped from the
keyboard.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

import click

from darl import __version__
from darl.errors import AnnotationPending, DarlError

COMMANDS = {
    "calibrate": "Make a model's probabilities, grades and doubts what validation pairs say of them.",
    "compare": "What changes if one model takes another's place, slice by slice and pair by pair.",
    "data": "Public corpora and the generated one: list, get, convert, write; audit graded files; warm.",
    "detector": "Fit a detector for a model that is there, and keep it with the model.",
    "distil": "Train a small model on what a large one says of unlabelled pairs.",
    "evaluate": "Report on a model, slice by slice.",
    "export": "Fold a model into weights that are served as they are, and check that it says the same.",
    "interpolate": "Choose a model between two, in weight space.",
    "models": "Weights: list and pull.",
    "predict": "Grade pairs with a model.",
    "promote": "Let a model take another's place if it harms no slice.",
    "run": "Run an experiment file from data to report.",
    "select": "Choose the pairs of a pool that are worth a label.",
    "serve": "Answer over HTTP: rerank, score, predict, as search stacks speak it.",
    "soup": "The mean of several models, in weight space.",
    "study": "Measure what works on your own data: detectors, features, selection strategies, objectives.",
    "train": "Train one stage, straight from files.",
    "validate": "Check an experiment file; nothing is loaded or written.",
}


class LazyGroup(click.Group):
    """Imports a subcommand when it is called, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, from its file."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"darl.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one line each, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  darl run experiments/demo.yaml --out runs/demo",
)
@click.version_option(__version__, prog_name="darl")
def command() -> None:
    """Relevance models that tell fine grades apart and say when they are out of their depth."""


def main() -> None:
    """Run the command line and exit."""
    # Libraries warn of their own future; a user of darl can do nothing about it.
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        code = command.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = _tell("stopped; nothing half-written is left (darl run goes on with --resume)", 130)
    except KeyboardInterrupt:
        code = _tell("stopped; nothing half-written is left (darl run goes on with --resume)", 130)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except AnnotationPending as pause:
        code = _tell(str(pause), 3)
    except (DarlError, OSError) as error:
        code = _tell(f"error: {error}", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _tell(text: str, code: int) -> int:
    click.echo(text, err=True)
    return code
