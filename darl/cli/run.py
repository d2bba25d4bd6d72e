"""darl run."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from darl.cli.options import bad_rows_folder_option


@click.command(
    epilog="\b\nExample:\n  darl run experiments/demo.yaml --out runs/demo\n"
    "  darl run experiments/demo.yaml --out runs/two-seeds --set seeds=[0,1]"
)
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for everything the run makes."
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the file.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out; what is done is not done again.")
@bad_rows_folder_option
def command(
    experiment: Path, out: Path, overrides: tuple[str, ...], resume: bool, bad_rows: Path | None
) -> None:
    """Run the EXPERIMENT file: train its recipes stage by stage, and report on them side by side."""
    from darl.pipeline.experiment import load_experiment

    checked = load_experiment(experiment, overrides)

    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_report
    from darl.pipeline.run import run
    from darl.pipeline.run_dir import RunDir
    from darl.progress import SILENT

    run_dir = RunDir.open(out, checked, resume=resume)
    with cli_progress() if run_dir.is_main else nullcontext(SILENT) as progress:
        report = run(checked, run_dir, bad_rows=bad_rows, progress=progress)
    if run_dir.is_main:
        print_report(report, out)
