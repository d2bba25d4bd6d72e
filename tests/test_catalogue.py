from __future__ import annotations

import pytest
from pydantic import ValidationError

from darl.catalogue import Component, build, component_faults
from darl.errors import ConfigError


class Plain:
    def __init__(self, size: int, name: str = "x", rng: object = None) -> None:
        if size < 0:
            raise ValueError(f"size: expected 0 or above, received {size}")
        self.size = size + 0
        self.rng = rng


class Strict:
    def __init__(self, size: int) -> None:
        raise ConfigError("strict", ["size: too strict"])


ENTRIES: dict[str, type] = {"plain": Plain, "strict": Strict}


def component(name: str, **arguments: object) -> Component:
    return Component.model_validate({"name": name, **arguments})


def test_a_bare_name_is_a_component_without_arguments():
    assert Component.model_validate("plain") == component("plain")
    assert component("plain").arguments == {}


@pytest.mark.parametrize("value", ["plain", {"name": "plain", "size": 3, "of": {"a": [1, 2]}}])
def test_a_component_is_written_as_it_can_be_read(value):
    made = Component.model_validate(value)
    assert Component.model_validate(made.model_dump()) == made


def test_a_component_has_a_name_and_does_not_change():
    with pytest.raises(ValidationError):
        Component.model_validate({"size": 3})
    with pytest.raises(ValidationError):
        component("plain").name = "other"  # type: ignore[misc]


def test_a_member_is_made_with_its_arguments_and_its_context():
    made = build("family", ENTRIES, component("plain", size=3), rng="given")
    assert isinstance(made, Plain)
    assert (made.size, made.rng) == (3, "given")


def test_all_faults_of_the_arguments_are_told_together():
    faults = component_faults(ENTRIES, component("plain", sise=3, colour=1))
    assert len(faults) == 3
    assert "takes no argument 'sise': expected size, name, rng" in faults[0]
    assert "needs the argument 'size'" in faults[2]


def test_a_config_cannot_set_what_the_program_gives():
    with pytest.raises(ConfigError, match="takes no argument 'rng': expected size"):
        build("family", ENTRIES, component("plain", size=1, rng=2), rng="given")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="unknown name 'plane': expected one of plain, strict"):
        build("family", ENTRIES, component("plane"))


@pytest.mark.parametrize("size", [-1, "three"])
def test_a_value_that_the_member_refuses_is_a_config_fault(size):
    with pytest.raises(ConfigError, match="plain: "):
        build("family", ENTRIES, component("plain", size=size))


def test_the_members_own_config_error_passes_unchanged():
    with pytest.raises(ConfigError, match="too strict"):
        build("family", ENTRIES, component("strict", size=1))


def test_a_right_component_has_no_faults():
    assert component_faults(ENTRIES, component("plain", size=1)) == []
