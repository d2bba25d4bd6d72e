"""The annotators that an experiment can name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

from darl.annotation.base import Annotator
from darl.annotation.oracle import Oracle
from darl.annotation.spreadsheet import Spreadsheet
from darl.catalogue import Component, build
from darl.grades import GradeScale
from darl.pairs import Pair

ANNOTATORS: dict[str, type[Annotator]] = {
    "oracle": Oracle,
    "spreadsheet": Spreadsheet,
}


def make_annotator(
    component: Component, *, gold: Mapping[Pair, int], path: Path, scale: GradeScale
) -> Annotator:
    """The annotator that a config names, given those of a run's possessions that its constructor takes.

    Args:
        component: A key of ANNOTATORS, and no arguments: those here have none of their own.
        gold: Held-back grades of pool pairs; empty where there are none.
        path: A file of this round's that people may grade in.
        scale: The grades.

    Raises:
        ConfigError: No such annotator, or an argument that it does not take.
    """
    entry = ANNOTATORS.get(component.name)
    taken = inspect.signature(entry).parameters if entry else {}
    offered = {"gold": gold, "path": path, "scale": scale}
    context = {name: offered[name] for name in offered if name in taken}
    return build("annotation", ANNOTATORS, component, **context)
