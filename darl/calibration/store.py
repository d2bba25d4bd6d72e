"""A calibration as the bytes of one safetensors file: arrays, and what they are as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from darl.calibration.by_domain import Calibrators
from darl.calibration.calibration import Calibration
from darl.calibration.config import CalibrationConfig
from darl.calibration.learnt import Learnt
from darl.calibration.new_traffic import NewTraffic
from darl.errors import CheckpointError, DarlError
from darl.files import whole_file
from darl.grades import GradeScale
from darl.state import State

FORMAT = 1
KEY = "darl"
HEADER = 8
"""Bytes before the header of a safetensors file: its length, little-endian."""


class _Card(BaseModel):
    """What the arrays are of."""

    model_config = ConfigDict(extra="forbid")

    format: int
    grades: tuple[str, ...]
    config: CalibrationConfig
    domains: tuple[str, ...]
    pairs: int
    queries: int


def to_bytes(calibration: Calibration) -> bytes:
    """What a file holds from which `from_bytes` makes the same calibration; equal ones give equal bytes."""
    calibrators = calibration.calibrators
    card = _Card(
        format=FORMAT,
        grades=calibration.scale.names,
        config=calibration.config,
        domains=tuple(calibrators.domains),
        pairs=calibration.pairs,
        queries=calibration.queries,
    )
    parts: dict[str, Learnt] = {"everywhere": calibrators.everywhere, "decision": calibration.decision}
    parts |= {f"domain.{i}": one for i, one in enumerate(calibrators.domains.values())}
    if calibration.abstention is not None:
        parts["abstention"] = calibration.abstention
    if calibration.new_traffic is not None:
        parts["new_traffic"] = calibration.new_traffic
    arrays = {f"{part}/{key}": array for part, one in parts.items() for key, array in one.state().items()}
    return save(arrays, {KEY: json.dumps(card.model_dump(mode="json"))})


@dataclass(frozen=True)
class CalibrationFile:
    """A calibration that is to be kept with a model."""

    calibration: Calibration

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with whole_file(path) as temporary:
            temporary.write_bytes(to_bytes(self.calibration))


def from_bytes(content: bytes, place: str) -> Calibration:
    """The calibration that `to_bytes` wrote.

    Args:
        content: Of the file.
        place: What the file is called in a message.

    Raises:
        CheckpointError: It is not such a file, or one of another version of darl.
    """
    try:
        card = _Card.model_validate_json(_metadata(content)[KEY])
        if card.format != FORMAT:
            raise ValueError(f"expected format {FORMAT}, received {card.format}")
        return _restored(card, load(content))
    except (KeyError, ValueError, ValidationError, SafetensorError, DarlError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(
            f"{place}: not a calibration as this version of darl writes it ({what}): "
            "calibrate again (darl calibrate)"
        ) from error


def _metadata(content: bytes) -> Mapping[str, str]:
    # safetensors reads a header's texts from files only.
    length = int.from_bytes(content[:HEADER], "little")
    header: Mapping[str, Any] = json.loads(content[HEADER : HEADER + length])
    found: Mapping[str, str] = header["__metadata__"]
    return found


def _restored(card: _Card, arrays: Mapping[str, npt.NDArray[Any]]) -> Calibration:
    def part(name: str) -> State:
        return {
            key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")
        }

    scale, kind = GradeScale(card.grades), card.config.calibrator()
    own = {name: kind.restored(part(f"domain.{i}")) for i, name in enumerate(card.domains)}
    abstention, new = card.config.abstention(), part("new_traffic")
    return Calibration(
        card.config,
        scale,
        Calibrators(kind.restored(part("everywhere")), own),
        card.config.decision(scale).restored(part("decision")),
        None if abstention is None else abstention.restored(part("abstention")),
        card.pairs,
        card.queries,
        NewTraffic().restored(new) if new else None,
    )
