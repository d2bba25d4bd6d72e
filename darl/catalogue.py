"""A named component from a config entry, its arguments bound and checked.

A member of a family may hold other members of it: it names the arguments that are such in
`nested: ClassVar[frozenset[str]]`. In a config each is a component itself, or a list of them:

    {name: per_query_cap, cap: 2, strategy: {name: ood_band, lower: 0.8}}
    {name: mixture, strategies: [random, {name: ood_band, lower: 0.8}]}
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_serializer, model_validator

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

    def __str__(self) -> str:
        """As a reader is told of it: `knn`, or `knn(k=5)`."""
        arguments = ", ".join(
            f"{key}={json.dumps(value, default=str)}" for key, value in self.arguments.items()
        )
        return f"{self.name}({arguments})" if arguments else self.name

    @property
    def arguments(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


def parse_typed(family: str, typed: Mapping[str, Any]) -> Component:
    """A component from what was typed.

    Raises:
        ConfigError: It is none.
    """
    try:
        return Component.model_validate(typed)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ConfigError(family, faults) from error


def component_faults(entries: Mapping[str, type[Any]], component: Component) -> list[str]:
    """Every reason why `build` would refuse the component; empty where it would not."""
    try:
        build("", entries, component)
    except ConfigError as error:
        return list(error.faults)
    return []


def build(family: str, entries: Mapping[str, type[T]], component: Component, **context: object) -> T:
    """Make a member of a family, and first the members that it holds.

    Args:
        family: What the family is called in a message.
        entries: The family's catalogue.
        component: The name and the arguments from the config.
        context: Arguments that come from the program, not from the config; members within get them too.

    Raises:
        ConfigError: No such member, an argument it does not take, one that it needs is missing, or a
            value that it refuses. A fault further in is told with its place, as in
            "mixture.strategies[1]: unknown name ...". Every fault is told at once, but that a member's own
            values are looked at when what it holds is right.
    """
    try:
        return _build(family, entries, component, context)
    except RecursionError as error:
        raise ConfigError(family, [f"{component.name} is nested too deep, or holds itself"]) from error


def _build(
    family: str, entries: Mapping[str, type[T]], component: Component, context: Mapping[str, object]
) -> T:
    name, arguments = component.name, component.arguments
    if name not in entries:
        raise ConfigError(family, [f"unknown name {name!r}: expected one of {', '.join(sorted(entries))}"])
    faults = _argument_faults(entries[name], component, context)
    for key in [key for key in arguments if key in getattr(entries[name], "nested", ())]:
        arguments[key], inner = _members(entries, arguments[key], context)
        faults += [f"{name}.{key}{fault}" for fault in inner]
    if faults:
        raise ConfigError(family, faults)
    try:
        return entries[name](**arguments, **context)
    except (TypeError, ValueError) as error:
        raise ConfigError(family, [f"{name}: {error}"]) from error


def _argument_faults(member: type[Any], component: Component, context: Mapping[str, object]) -> list[str]:
    """What is given and not taken, or needed and not given."""
    name, arguments = component.name, component.arguments
    parameters = inspect.signature(member).parameters
    own = [key for key in parameters if key not in context]
    faults = [
        f"{name} takes no argument {key!r}: expected {', '.join(own) or 'none'}"
        for key in arguments
        if key not in own
    ]
    return faults + [
        f"{name} needs the argument {key!r}"
        for key in own
        if parameters[key].default is inspect.Parameter.empty and key not in arguments
    ]


def _members(
    entries: Mapping[str, type[T]], value: object, context: Mapping[str, object]
) -> tuple[T | list[T | None] | None, list[str]]:
    """The member that a nested argument names, or the list of them, and every fault with its place."""
    if value is None:  # as if it had not been given
        return None, []
    if not isinstance(value, list | tuple):
        return _member(entries, value, context)
    made = [_member(entries, one, context) for one in value]
    return (
        [member for member, _ in made],
        [f"[{place}]{fault}" for place, (_, faults) in enumerate(made) for fault in faults],
    )


def _member(
    entries: Mapping[str, type[T]], value: object, context: Mapping[str, object]
) -> tuple[T | None, list[str]]:
    try:
        return _build("", entries, Component.model_validate(value), context), []
    except ValidationError:
        return None, [f": expected a name or {{name: ..., ...}}, received {value!r}"]
    except ConfigError as error:
        return None, [f": {fault}" for fault in error.faults]
