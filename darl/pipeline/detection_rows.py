"""What a study of detection finds, and its table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """How well a detector on a view tells a slice from the in-distribution one; means over seeds.

    Attributes:
        experiment: Its name.
        slice: The slice.
        view: The features; "-" for a detector that reads none.
        detector: The detector and its arguments.
        auroc: See evaluation/detection.py, as are `aupr` and `fpr95`.
        low: Lower end of the 95 % interval of `auroc` over queries; None where a side has one query only.
        high: Its upper end.
        by_seed: `auroc` of each seed.
        pairs: Pairs of the slice, and of the in-distribution one.
    """

    experiment: str
    slice: str
    view: str
    detector: str
    auroc: float
    aupr: float
    fpr95: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]
    pairs: tuple[int, int]


def auroc_rows(found: Sequence[Finding]) -> tuple[list[str], list[list[str]]]:
    """The slices, and a row for each detector and view: names, mean AUROC, and that of each slice.

    The largest mean comes first.
    """
    slices = list(dict.fromkeys(one.slice for one in found))
    groups: dict[tuple[str, str], dict[str, Finding]] = {}
    for one in found:
        groups.setdefault((one.detector, one.view), {})[one.slice] = one
    means = {key: statistics.mean(one.auroc for one in group.values()) for key, group in groups.items()}
    rows = [
        [*key, f"{means[key]:.3f}", *(_cell(groups[key][name]) for name in slices)]
        for key in sorted(groups, key=lambda key: -means[key])
    ]
    return slices, rows


def _cell(one: Finding) -> str:
    if one.low is None or one.high is None:
        return f"{one.auroc:.3f}"
    return f"{one.auroc:.3f} [{one.low:.3f}..{one.high:.3f}]"
