"""darl validate."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="\b\nExample:\n  darl validate experiments/demo.yaml")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key, e.g. seeds=[1,2]."
)
def command(experiment: Path, overrides: tuple[str, ...]) -> None:
    """Check the EXPERIMENT file and tell every fault at once; nothing is loaded or written."""
    from darl.pipeline.experiment import load_experiment

    checked = load_experiment(experiment, overrides)
    stages = sum(len(recipe.stages) for recipe in checked.recipes.values())
    click.echo(f"{experiment}: valid")
    click.echo(f"  backbone {checked.model.backbone}, seeds {', '.join(map(str, checked.seeds))}")
    click.echo(f"  recipes {', '.join(checked.recipes)}: {stages} stages, {checked.rounds} rounds")
