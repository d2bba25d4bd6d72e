"""How a recipe ended beyond its last stage: interpolated, and let through its gate or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from darl.evaluation.gate import GateDecision
from darl.evaluation.interpolation import AlphaCurve, point_cells
from darl.evaluation.numerals import interval, signed
from darl.evaluation.rows import Difference


class Ending(NamedTuple):
    """What was decided of a model.

    Attributes:
        model: The model.
        seed: Of the run.
        interpolation: The line that alpha was chosen on; None where nothing was interpolated.
        gate: What the gate decided; None where there is none.
        over: The model that the gate compared it with; "" without a gate.
    """

    model: str
    seed: int
    interpolation: AlphaCurve | None
    gate: GateDecision | None
    over: str = ""

    @property
    def refused(self) -> bool:
        """Whether the gate kept the current model."""
        return self.gate is not None and not self.gate.promoted

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        line, gate = self.interpolation, self.gate
        return {
            **self._asdict(),
            "interpolation": None if line is None else line.as_dict(),
            "gate": None if gate is None else gate.as_dict(),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Ending:
        """What `as_dict` gave."""
        line, gate = fields["interpolation"], fields["gate"]
        read = {
            "interpolation": None if line is None else AlphaCurve.from_dict(line),
            "gate": None if gate is None else GateDecision.from_dict(gate),
        }
        return cls(**{**fields, **read})

    def lines(self) -> list[str]:
        """In words, for the log and the report."""
        place = f"{self.model}, seed {self.seed}"
        found = []
        if self.interpolation is not None:
            line = self.interpolation
            found.append(
                f"{place}: (1 - alpha) {line.first} + alpha {line.second}, alpha {line.chosen:g} "
                f"({line.reason})"
            )
        if self.gate is not None:
            kept = "" if self.gate.promoted else f"; the run ends with {self.over}"
            found.append(f"{place}: {self.gate.reason}{kept}")
        return found

    @property
    def line_rows(self) -> list[tuple[bool, list[str]]]:
        """The points of the line as rows of a table, each with whether it was taken."""
        line = self.interpolation
        if line is None:
            return []
        return [(one.alpha == line.chosen, point_cells(one)) for one in line.points]

    @property
    def gate_rows(self) -> list[tuple[str, str, str]]:
        """What the gate saw: slice, difference with its interval, and what that means."""
        return [] if self.gate is None else [gate_cells(one, self.gate) for one in self.gate.rows]


def gate_cells(found: Difference, decision: GateDecision) -> tuple[str, str, str]:
    """A slice as a line of a table: its name, candidate minus current, and what the gate makes of it."""
    shown = f"{signed(found.value)} {interval(found.low, found.high)}".rstrip()
    if found.value is None or found.low is None:
        return found.slice, shown, f"unknown: {found.reason}"
    if found.slice in decision.fallen:
        return found.slice, shown, "falls"
    return found.slice, shown, "significant, tolerated" if found.significant else "within noise"
