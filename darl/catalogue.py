"""A named component from a config entry, its arguments bound and checked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator

from darl.errors import ConfigError

T = TypeVar("T")


class Component(BaseModel):
    """A member of a family by name, with its arguments: "softmax", or {name: soft_grades, sharpness: 3}.

    >>> Component.model_validate({"name": "knn", "k": 5}).arguments
    {'k': 5}
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"name": value} if isinstance(value, str) else value

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return {"name": self.name, **self.arguments}

    @property
    def arguments(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


def component_faults(entries: Mapping[str, type[Any]], component: Component) -> list[str]:
    """Every reason why `build` would refuse the component; empty where it would not."""
    try:
        build("", entries, component)
    except ConfigError as error:
        return list(error.faults)
    return []


def build(family: str, entries: Mapping[str, type[T]], component: Component, **context: object) -> T:
    """Make a member of a family.

    Args:
        family: What the family is called in a message.
        entries: The family's catalogue.
        component: The name and the arguments from the config.
        context: Arguments that come from the program, not from the config.

    Raises:
        ConfigError: No such member, an argument it does not take, one that it needs is missing, or a
            value that it refuses.
    """
    name, arguments = component.name, component.arguments
    if name not in entries:
        raise ConfigError(family, [f"unknown name {name!r}: expected one of {', '.join(sorted(entries))}"])
    parameters = inspect.signature(entries[name]).parameters
    own = [key for key in parameters if key not in context]
    faults = [
        f"{name} takes no argument {key!r}: expected {', '.join(own) or 'none'}"
        for key in arguments
        if key not in own
    ]
    faults += [
        f"{name} needs the argument {key!r}"
        for key in own
        if parameters[key].default is inspect.Parameter.empty and key not in arguments
    ]
    if faults:
        raise ConfigError(family, faults)
    try:
        return entries[name](**arguments, **context)
    except (TypeError, ValueError) as error:
        raise ConfigError(family, [f"{name}: {error}"]) from error
