"""Settings that are typed, and how a refused setting is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from darl.errors import ConfigError

Config = TypeVar("Config", bound=BaseModel)


def checked(kind: type[Config], raw: Mapping[str, Any], where: str, **context: Any) -> Config:  # noqa: ANN401
    """A `kind` from what was typed; `where` goes into the error, `context` to the validators.

    Raises:
        ConfigError: With every fault found.
    """
    try:
        return kind.model_validate(raw, context=context)
    except ValidationError as error:
        raise ConfigError(where, faults_of(error)) from error


def faults_of(error: ValidationError) -> list[str]:
    """Every fault as a sentence that starts with its place."""
    return [fault for one in error.errors() for fault in _told(one)]


def _told(error: Any) -> list[str]:  # noqa: ANN401 - pydantic's ErrorDetails
    place = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key; see docs/experiments.md for the keys"
    elif error["type"] == "missing":
        message = "is missing"
    elif "input" in error and not isinstance(error["input"], dict | list) and error["type"] != "value_error":
        message += f", received {error['input']!r}"
    parts = message.split("; ") if error["type"] == "value_error" else [message]
    return [f"{place}: {part}" if place else part for part in parts]


def override(raw: dict[str, Any], setting: str) -> None:
    """Put a setting "key.sub.0=value", its value as YAML, into nested mappings and lists.

    Raises:
        ConfigError: It is not of that form, or leads nowhere.
    """
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise ConfigError("--set", [f"expected key=value, received {setting!r}"])
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError("--set", [f"{key}: {text!r} is not YAML: {error}"]) from error
    *parents, last = key.split(".")
    here: Any = raw
    for part in parents:
        here = here.setdefault(part, {}) if isinstance(here, dict) else _item(here, part, key)
    if isinstance(here, list):
        _item(here, last, key)
        here[int(last)] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise ConfigError("--set", [f"{key}: {here!r} has no parts"])


def _item(here: Any, part: str, key: str) -> Any:  # noqa: ANN401
    if not isinstance(here, list) or not part.isdigit() or int(part) >= len(here):
        raise ConfigError("--set", [f"{key}: no {part!r} there"])
    return here[int(part)]
