"""What studies share: rows.jsonl, members of a family tried under labels, all OOD slices as one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darl.calibration.config import NONE, CalibrationConfig
from darl.catalogue import Component, component_faults, parse_typed
from darl.errors import ConfigError
from darl.evaluation.judged import Judged, joined
from darl.evaluation.report import Report
from darl.files import write_text
from darl.pipeline.experiment import Experiment

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROWS = "rows.jsonl"
OOD = "ood"
"""What studies call all test slices but the first as one."""
MARKS = {"better": "▲", "worse": "▼"}
"""Of differences whose intervals leave out 0, by what they mean."""
LABEL = re.compile(r"[A-Za-z0-9_-]+")


def keep_rows(found: Iterable[DataclassInstance], out: Path) -> None:
    """Write the findings of a study to its folder."""
    write_text(out / ROWS, "".join(json.dumps(asdict(one)) + "\n" for one in found))


def parse_labelled(
    family: str,
    entries: Mapping[str, type[Any]],
    typed: Mapping[str, Mapping[str, Any]],
    rival: Component,
) -> dict[str, Component]:
    """Members by label from what is typed.

    Args:
        family: What the family is called.
        entries: Its catalogue.
        typed: Names and arguments, by label.
        rival: What all are compared with; its name is the label of nothing else.

    Raises:
        ConfigError: With every fault found.
    """
    parsed = {label: parse_typed(family, one) for label, one in typed.items()}
    faults = [fault for one in parsed.values() for fault in component_faults(entries, one)]
    if parsed.get(rival.name, rival) != rival:
        faults.append(
            f"{rival.name}: is the rival that all are compared with; give the {family} another label"
        )
    if faults:
        raise ConfigError(family, faults)
    return parsed


def check_labels(family: str, labels: Iterable[str], taken: Iterable[str] = ()) -> None:
    """Refuse labels that are no names of recipes, or that mean something else.

    Raises:
        ConfigError: With all of them.
    """
    odd = [label for label in labels if label in taken or not LABEL.fullmatch(label)]
    if odd:
        raise ConfigError("study", [f"{', '.join(odd)}: give the {family} another label"])


def calibration_of_rivals(experiment: Experiment) -> dict[str, Any]:
    """The keys that calibrate them as the file says; they are compared as they are where it says nothing.

    A detector is kept with them only where calibration may read it.
    """
    said = "calibration" in experiment.model_fields_set
    calibration = experiment.calibration if said else CalibrationConfig(method=NONE)
    return {"calibration": calibration, "ood": experiment.ood if calibration.may_read_ood else None}


def pooled_faults(slices: Iterable[str]) -> list[str]:
    """The fault of test slices one of which has the name of all but the first as one; empty without."""
    taken = f"data.test: {OOD} is what the study calls all slices but the first: rename the slice"
    return [taken] if OOD in slices else []


def judged_on(report: Report, model: str, parts: Sequence[str]) -> list[Judged]:
    """A model's runs, one a seed, on several test slices as one: as they are told, if it is calibrated."""
    runs = report.told.get(model, report.runs[model])
    by_seed = zip(*(runs[part] for part in parts), strict=True)
    return [joined(one) if len(one) > 1 else one[0] for one in by_seed]
