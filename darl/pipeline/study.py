"""What studies share: a line of rows.jsonl for each finding, members of a family tried under labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darl.catalogue import Component, component_faults, parse_typed
from darl.errors import ConfigError
from darl.files import write_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROWS = "rows.jsonl"
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
