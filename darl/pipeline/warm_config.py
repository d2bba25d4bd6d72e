"""A catalogue, and what is made of it, as an experiment file writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from darl.data.items import catalogue_files
from darl.data.records import COLUMNS
from darl.data.warm import Shape
from darl.errors import ConfigError

HELD_OUT = 0.1
"""Share of the pseudo-queries that a warm-up is validated on."""


class CatalogueConfig(BaseModel):
    """Items alone; the path alone will do.

    Attributes:
        path: A file in a format that the readers take, or a folder of such.
        fields: Columns beside those of the prompt that pseudo-queries are made of; None = those of brand,
            color and category that are there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    fields: tuple[str, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"path": value} if isinstance(value, str) else value

    @field_validator("path")
    @classmethod
    def _is_there(cls, value: str, info: ValidationInfo) -> str:
        path = Path((info.context or {}).get("folder", ".")) / value
        try:
            catalogue_files(path)
        except ConfigError as error:
            raise ValueError("; ".join(error.faults)) from error
        return str(path)

    @field_validator("fields")
    @classmethod
    def _are_extra(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if taken := [name for name in value or () if name in COLUMNS]:
            raise ValueError(f"{', '.join(taken)}: read anyway, and no extra field")
        return value


class WarmConfig(BaseModel):
    """How many pairs are made of a catalogue.

    Attributes:
        queries: Pseudo-queries, a tenth of them for validation.
        near: Near misses of each.
        far: Items of each that do not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queries: int = Field(2000, ge=10)
    near: int = Field(1, ge=0)
    far: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _tells_apart(self) -> WarmConfig:
        if not self.near + self.far:
            raise ValueError("near, far: expected at least one above 0: with neither all grades are alike")
        return self

    @property
    def shape(self) -> Shape:
        """The same, as the maker takes it."""
        return Shape(self.queries, self.near, self.far)

    @property
    def learnt(self) -> int:
        """Pairs that are trained on, about."""
        return round(self.shape.pairs * (1 - HELD_OUT))
