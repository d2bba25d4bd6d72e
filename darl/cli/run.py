"""darl run."""

from __future__ import annotations

from pathlib import Path

import click


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
def command(experiment: Path, out: Path, overrides: tuple[str, ...], resume: bool) -> None:
    """Run the EXPERIMENT file: train its recipes stage by stage, and report on them side by side."""
    from darl.pipeline.experiment import load_experiment

    checked = load_experiment(experiment, overrides)

    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_report
    from darl.pipeline.run import run
    from darl.pipeline.run_dir import RunDir

    run_dir = RunDir.open(out, checked, resume=resume)
    with cli_progress() as progress:
        report = run(checked, run_dir, progress=progress)
    print_report(report, out)
