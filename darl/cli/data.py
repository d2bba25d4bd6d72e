"""darl data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from darl.cli.audit import command as audit
from darl.cli.options import FORMATS
from darl.cli.warm import command as warm

EXAMPLE = """\b
Example:
  darl data get wands --out corpora/wands
  darl data convert wands corpora/wands --out wands.jsonl.gz
  darl data audit wands.jsonl.gz --errors --out audit.html
"""


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Public corpora, and the generated one; what is wrong with graded files; pairs of a catalogue."""


command.add_command(audit)
command.add_command(warm)


@command.command("list", epilog="\b\nExample:\n  darl data list")
def list_() -> None:
    """List the public corpora that can be fetched, with licence and size."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    from darl.data.get import PUBLIC

    table = Table("name", "what it is", "licence", "owner", "download", box=None)
    for name, corpus in PUBLIC.items():
        sizes = [file.size for file in corpus.files if file.size is not None]
        size = decimal(sum(sizes)) if len(sizes) == len(corpus.files) else "not published"
        table.add_row(name, corpus.about, corpus.licence, corpus.home, size)
    Console(width=200).print(table)


@command.command(epilog="\b\nExample:\n  darl data get wands --out corpora/wands")
@click.argument("name")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the files.")
@click.option("--base-url", metavar="URL", help="Fetch from this mirror instead of the owner's address.")
def get(name: str, out: Path, base_url: str | None) -> None:
    """Fetch a public corpus from its owner's address; an interrupted download goes on where it was."""
    from darl.cli.progress import cli_progress
    from darl.data.get import get as fetch_corpus

    with cli_progress() as progress:
        for path in fetch_corpus(name, out, base_url=base_url, progress=progress):
            click.echo(path)


@command.command(
    epilog="\b\nExample:\n  darl data convert esci corpora/esci --set locale=us --out esci.jsonl.gz"
)
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help=f"The file to write. {FORMATS}")
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the corpus's reader."
)
def convert(name: str, folder: Path, out: Path, options: tuple[str, ...]) -> None:
    """Turn a public corpus (esci, qbqtc, trec, wands) in FOLDER into one file of graded pairs."""
    from darl.cli.progress import cli_progress
    from darl.data.convert import convert as convert_corpus
    from darl.pipeline.overrides import override

    settings: dict[str, Any] = {}
    for text in options:
        override(settings, text)
    with cli_progress() as progress:
        n = convert_corpus(name, folder, out, options=settings, progress=progress)
    click.echo(f"{n:,} pairs: {out}")


@command.command(epilog="\b\nExample:\n  darl data write insurance --out shop --set train=500")
@click.argument("name")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for one JSONL file a slice."
)
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="An argument of the corpus, e.g. seed=1."
)
def write(name: str, out: Path, options: tuple[str, ...]) -> None:
    """Write the slices of a corpus (insurance, domains) as files, to look at or to train on.

    The pool keeps its grades in the file; a model never reads them, an oracle annotator does.
    """
    from darl.catalogue import Component, build
    from darl.data.catalogue import CORPORA
    from darl.data.writers import write_graded_pairs
    from darl.pipeline.overrides import override

    settings: dict[str, Any] = {"name": name}
    for text in options:
        override(settings, text)
    corpus = build("corpus", CORPORA, Component.model_validate(settings))
    for part in corpus.slices:
        path = out / f"{part}.jsonl"
        click.echo(f"{write_graded_pairs(path, corpus.load(part), corpus.grade_scale):,} pairs: {path}")
