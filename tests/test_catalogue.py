from __future__ import annotations

from typing import ClassVar

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


class Box:
    nested: ClassVar[frozenset[str]] = frozenset({"inside", "several"})

    def __init__(
        self, inside: object = "default", several: object = (), size: int = 1, rng: object = None
    ) -> None:
        if size < 0:
            raise ValueError(f"size: expected 0 or above, received {size}")
        self.inside, self.several, self.size, self.rng = inside, several, size, rng


NESTING: dict[str, type] = {**ENTRIES, "box": Box}


@pytest.mark.parametrize("inside", [{"name": "plain", "size": 3}, component("plain", size=3)])
def test_members_within_are_made_first(inside):
    made = build("family", NESTING, component("box", inside={"name": "box", "inside": inside}, size=2))
    assert isinstance(made.inside, Box)
    assert isinstance(made.inside.inside, Plain)
    assert (made.size, made.inside.size, made.inside.inside.size) == (2, 1, 3)


def test_members_within_come_by_name_and_in_lists():
    made = build(
        "family", NESTING, component("box", inside="box", several=["box", {"name": "plain", "size": 4}])
    )
    assert isinstance(made.inside, Box)
    assert [type(one) for one in made.several] == [Box, Plain]
    assert made.several[1].size == 4


def test_a_member_without_nested_arguments_gets_them_as_they_are():
    class Keeps:
        def __init__(self, what: object) -> None:
            self.what = what

    made = build("family", {"keeps": Keeps}, component("keeps", what={"name": "plain"}))
    assert made.what == {"name": "plain"}


def test_null_is_an_argument_that_is_not_given():
    assert build("family", NESTING, component("box", inside=None)).inside is None


def test_members_within_get_what_the_program_gives():
    made = build("family", NESTING, component("box", inside={"name": "plain", "size": 1}), rng="given")
    assert (made.rng, made.inside.rng) == ("given", "given")


def test_faults_within_are_told_at_once_each_with_its_place():
    wrong = component(
        "box",
        colour=1,
        inside={"name": "box", "inside": "plane", "several": [{"name": "plain", "size": -1}]},
        several=["box", {"name": "plain", "sise": 3}, {"size": 3}, None],
    )
    known = "unknown name 'plane': expected one of box, plain, strict"
    assert component_faults(NESTING, wrong) == [
        "box takes no argument 'colour': expected inside, several, size, rng",
        f"box.inside: box.inside: {known}",
        "box.inside: box.several[0]: plain: size: expected 0 or above, received -1",
        "box.several[1]: plain takes no argument 'sise': expected size, name, rng",
        "box.several[1]: plain needs the argument 'size'",
        "box.several[2]: expected a name or {name: ..., ...}, received {'size': 3}",
        "box.several[3]: expected a name or {name: ..., ...}, received None",
    ]


def test_a_config_error_of_a_member_within_is_told_with_its_place():
    faults = component_faults(NESTING, component("box", inside={"name": "strict", "size": 1}))
    assert faults == ["box.inside: size: too strict"]


@pytest.mark.parametrize("value", [3, "", ["plain"], {"name": 3}, {"name": "box", 3: 4}])
def test_what_is_no_component_within_is_a_fault(value):
    (fault,) = component_faults(NESTING, component("box", several=[value]))
    assert fault.startswith("box.several[0]: ")


def test_the_values_of_a_member_are_looked_at_when_what_it_holds_is_right():
    assert component_faults(NESTING, component("box", size=-1, inside="box")) == [
        "box: size: expected 0 or above, received -1"
    ]


def test_fifty_deep_is_not_too_deep():
    value: object = "box"
    for _ in range(50):
        value = {"name": "box", "inside": value}
    made, depth = build("family", NESTING, Component.model_validate(value)), 0
    while isinstance(made, Box):
        made, depth = made.inside, depth + 1
    assert depth == 51


def test_a_component_that_holds_itself_is_a_fault():
    """As an anchor in YAML can say: &box {name: box, inside: *box}."""
    value: dict[str, object] = {"name": "box"}
    value["inside"] = value
    assert component_faults(NESTING, Component.model_validate(value)) == [
        "box is nested too deep, or holds itself"
    ]


def test_nested_components_are_written_as_they_can_be_read():
    made = component("box", inside=component("plain", size=3), several=["box"])
    assert Component.model_validate(made.model_dump()).model_dump() == made.model_dump()
    assert made.model_dump()["inside"] == {"name": "plain", "size": 3}
