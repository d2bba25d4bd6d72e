"""Arguments of the subcommands that train a model: what it learns by, and what is kept with it."""

from __future__ import annotations

from collections.abc import Callable

import click

from darl.cli.options import Command, seed_option


def objective_option(default: str) -> Callable[[Command], Command]:
    """--objective NAME."""
    return click.option(
        "--objective",
        default=default,
        show_default=True,
        help="NAME, NAME:KEY=VALUE,..., {name: ..., ...}, or a list of such, each with its weight.",
    )


READS = "What it reads. tuned comes with the grades; others, as in darl select, take another pass."
"""Said of the features of a detector that is kept with a model."""

no_reference_option = click.option(
    "--no-reference",
    is_flag=True,
    help="Keep no training pairs with the model (then darl select needs --train).",
)


def kept_options(function: Command) -> Command:
    """--calibration, --seed, --no-reference, --ood-detector, --ood-features, --no-ood."""
    options = (
        click.option(
            "--calibration",
            default="temperature",
            show_default=True,
            help="How the held-out pairs calibrate the model: temperature, vector, matrix or none; darl "
            "calibrate does more.",
        ),
        seed_option,
        no_reference_option,
        click.option(
            "--ood-detector",
            default="knn",
            show_default=True,
            metavar="NAME",
            help="Keep this detector, fitted, with the model: darl predict then says how unusual each pair "
            "is. NAME, NAME:KEY=VALUE,... or {name: ..., ...}",
        ),
        click.option(
            "--ood-features",
            default="tuned",
            show_default=True,
            metavar="VIEW",
            help=READS,
        ),
        click.option("--no-ood", is_flag=True, help="Keep no detector."),
    )
    for option in reversed(options):
        function = option(function)
    return function
