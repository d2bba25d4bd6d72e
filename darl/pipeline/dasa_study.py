"""DASA measured: which detector sees the shift, and which selection makes the most of it, pool by pool.

    OUT/detection/     study_detection on the experiments as they are
    OUT/selection/     study_selection on each with each share of OOD pairs in its pool: NAME-pool20, ...
    OUT/dasa.md        both as a page, with plots beside it (*.svg) and the findings (*.jsonl)

What is there is not made again.
"""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from darl.catalogue import Component
from darl.data.catalogue import CORPORA
from darl.errors import ConfigError
from darl.pipeline.dasa_page import write_page
from darl.pipeline.detection_rows import Finding
from darl.pipeline.detection_study import study_detection
from darl.pipeline.experiment import Experiment
from darl.pipeline.selection_rows import Gain
from darl.pipeline.selection_study import study_selection
from darl.pipeline.study import ROWS
from darl.progress import SILENT, Progress

SHARE = "pool_ood_share"


class Dasa(NamedTuple):
    """What was found.

    Attributes:
        findings: Of detection.
        gains: Of selection; their experiments are called NAME-poolPERCENT.
    """

    findings: list[Finding]
    gains: list[Gain]


def study_dasa(
    experiments: Mapping[str, Experiment],
    out: Path,
    *,
    shares: Sequence[float],
    strategies: Mapping[str, Component],
    budgets: Sequence[int],
    ceiling: bool = False,
    detection: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Progress = SILENT,
) -> Dasa:
    """Study detection and selection, and write the page.

    Args:
        experiments: By name. The pool of each is a slice of a corpus whose OOD share can be chosen.
        out: Folder for everything that is made.
        shares: Of OOD pairs in the pool.
        strategies: See `study_selection`, as are `budgets` and `ceiling`.
        budgets: Labels.
        ceiling: Also label the whole pool.
        detection: Detectors, views and sizes for `study_detection`; None = its defaults.
        resume: Go on in a folder that is begun.
        progress: Told how far it is.

    Raises:
        ConfigError: A pool whose share cannot be chosen, or what the two studies refuse.
    """
    mixed = {
        f"{name}-pool{100 * share:g}": with_share(name, experiment, share)
        for name, experiment in experiments.items()
        for share in shares
    }
    findings = study_detection(
        experiments, out / "detection", **(detection or {}), resume=resume, progress=progress
    )
    gains = study_selection(
        mixed,
        out / "selection",
        strategies=strategies,
        budgets=budgets,
        ceiling=ceiling,
        resume=resume,
        progress=progress,
    )
    for part in ("detection", "selection"):
        shutil.copyfile(out / part / ROWS, out / f"dasa-{part}.jsonl")
    write_page(findings, gains, out)
    return Dasa(findings, gains)


def with_share(name: str, experiment: Experiment, share: float) -> Experiment:
    """The experiment with another share of OOD pairs in its pool.

    Raises:
        ConfigError: The pool is not a slice of a declared corpus with such a share.
    """
    corpus = (experiment.data.pool or "").partition(":")[0]
    component = experiment.data.corpora.get(corpus)
    if component is None or SHARE not in inspect.signature(CORPORA[component.name]).parameters:
        raise ConfigError(
            "study",
            [f"{name}: data.pool: expected CORPUS:pool of a corpus declared in the file, with a {SHARE}"],
        )
    changed = Component.model_validate({**component.model_dump(), SHARE: share})
    data = experiment.data.model_copy(update={"corpora": {**experiment.data.corpora, corpus: changed}})
    return experiment.model_copy(update={"data": data})
