"""How a server is set: read once, checked whole, before a model is loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from darl.errors import ConfigError
from darl.pipeline.overrides import checked
from darl.serve.redaction import BUILT_IN

KEYS, ADMIN_KEYS = "DARL_SERVE_KEYS", "DARL_SERVE_ADMIN_KEYS"
MIB = 1 << 20


class CaptureSettings(BaseModel):
    """Which pairs of the traffic are kept for the next round of selection.

    Attributes:
        folder: Where the Parquet files go.
        percentile: Pairs whose ood_percentile is at least this.
        share: Of those, the share that is kept.
        most: Pairs in all; then nothing more is kept until the server starts again.
        file_pairs: Pairs of a file.
        redact: What is taken out of their texts: names of `redaction.BUILT_IN`, or regular expressions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    folder: Path
    percentile: float = Field(99.0, ge=0, le=100)
    share: float = Field(1.0, gt=0, le=1)
    most: int = Field(20_000, ge=1)
    file_pairs: int = Field(1000, ge=1)
    redact: tuple[str, ...] = ()

    @field_validator("redact")
    @classmethod
    def _compiles(cls, redact: tuple[str, ...]) -> tuple[str, ...]:
        for one in redact:
            try:
                empty = re.compile(BUILT_IN.get(one, one)).match("")
            except re.error as error:
                told = f"expected {', '.join(BUILT_IN)} or a regular expression, received {one!r}: {error}"
                raise ValueError(told) from error
            if empty:
                raise ValueError(f"expected a regular expression that needs text, received {one!r}")
        return redact


class Settings(BaseModel):
    """How a server is set.

    Attributes:
        names: Of the model; the first is told, every one is accepted.
        keys: Who may ask; () = everybody who reaches the address.
        admin_keys: Who may reload and roll back; () = nobody.
        models_root: Folder within which models may be loaded later.
        max_body_bytes: Of a request.
        max_documents: Of a request.
        queue_pairs: Pairs that may wait, of all requests.
        batch_tokens: Tokens of a model call; None = as many as fill a forward pass of the model.
        deadline: Seconds until a request that is not answered is given up.
        too_long: What becomes of texts that the model cannot read whole, where the request does not say.
        cache_bytes: That answers may take; 0 keeps none.
        readings_bytes: That readings of texts may take, of a model that reads query and item apart; 0 keeps
            none.
        workers: Model calls at a time; None = as many as suit the machine, where a server starts by itself.
        half_life: Pairs (of query_length: queries) after which traffic counts half in the drift histograms.
        drift_psi: Population stability index from which on drift is an alarm, where it is not by chance.
        drift_level: In what share of all cases chance alone may raise one, of all that are watched.
        drift_slices: Domains of the reference that are watched by themselves, at most.
        log_text: Whether the log holds the query and the texts of a request.
        capture: Which pairs are kept; None = none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    names: tuple[str, ...] = Field(min_length=1)
    keys: tuple[SecretStr, ...] = ()
    admin_keys: tuple[SecretStr, ...] = ()
    models_root: Path
    max_body_bytes: int = Field(8 * MIB, ge=1024)
    max_documents: int = Field(1000, ge=1)
    queue_pairs: int = Field(4000, ge=1)
    batch_tokens: int | None = Field(None, ge=1)
    deadline: float = Field(30.0, gt=0)
    too_long: Literal["truncate", "refuse"] = "truncate"
    cache_bytes: int = Field(0, ge=0)
    readings_bytes: int = Field(0, ge=0)
    workers: int | None = Field(None, ge=1)
    half_life: float = Field(20_000, ge=100)
    drift_psi: float = Field(0.25, gt=0)
    drift_level: float = Field(0.001, gt=0, lt=1)
    drift_slices: int = Field(20, ge=0, le=200)
    log_text: bool = False
    capture: CaptureSettings | None = None

    @model_validator(mode="after")
    def _fits(self) -> Settings:
        if self.queue_pairs < self.max_documents:
            least = f"max_documents ({self.max_documents})"
            raise ValueError(f"queue_pairs: expected at least {least}, received {self.queue_pairs}")
        return self


def read_settings(raw: Mapping[str, Any]) -> Settings:
    """What is asked for.

    Raises:
        ConfigError: With every fault found.
    """
    return checked(Settings, raw, "darl serve")


def read_keys(file: Path | None, variable: str) -> tuple[str, ...]:
    """Keys from a file, a line each, and from an environment variable, between commas.

    Args:
        file: Lines that are empty or begin with # are passed over; None = no file.
        variable: Of the environment.

    Raises:
        ConfigError: The file cannot be read, or is there and has no key; a key is shorter than 16 characters
            or is not of visible ASCII characters.
    """
    keys = [key.strip() for key in os.environ.get(variable, "").split(",")]
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(file), [f"expected a text file of keys, a line each: {error}"]) from error
        given = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        if not given:
            raise ConfigError(str(file), ["expected at least one key, received none"])
        keys += given
    found = tuple(dict.fromkeys(key for key in keys if key))
    weak = sum(len(key) < 16 or not key.isascii() or not key.isprintable() or " " in key for key in found)
    if weak:
        where = f"{file or 'no file'} and ${variable}"
        told = f"{weak} of {len(found)} keys: expected at least 16 visible ASCII characters each"
        raise ConfigError(where, [told])
    return found
