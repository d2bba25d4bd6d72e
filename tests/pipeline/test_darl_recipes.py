"""The rivals that are made of a recipe: what each is, which are the same, and what cannot be made."""

from __future__ import annotations

import pytest

from darl.catalogue import Component
from darl.errors import ConfigError
from darl.pipeline.darl_recipes import PARTS, RIVALS, in_turn, rivals_of, same_as
from darl.pipeline.recipe import Recipe
from darl.pipeline.run_dir import RunDir

WARM = {"name": "first", "examples": "warm", "epochs": 1}
GROUND = {
    "name": "ground", "epochs": 2, "lr": 0.001, "batch_size": 8, "items_per_query": 4,
    "objective_weights": [1, 2],
}  # fmt: skip
REACH = {
    "name": "reach", "examples": "selected", "replay": 0.5, "anchor": {"kl": 0.5},
    "round": {"features": "tuned", "detector": {"name": "knn", "k": 3}, "strategy": "dasa", "budget": 10},
}  # fmt: skip
TERMS = ["soft_grades", {"name": "in_query_contrast", "weight": 1}]


def recipe(*stages, **more):
    stages = stages or (GROUND, REACH)
    how = {"objective": TERMS, "interpolate": {"first": "ground", "alphas": [0, 0.5, 1]}, "hold_out": 0.2}
    return Recipe.model_validate(how | {"stages": stages} | more)


def made(*stages, **more):
    return rivals_of(recipe(*stages, **more), 50, new_traffic=True)


def stages_of(one):
    return [stage.name for stage in one.stages]


def test_all_rivals_of_a_whole_recipe():
    rivals = made(WARM, GROUND, REACH)
    assert tuple(rivals) == RIVALS
    assert {label: one.budget for label, one in rivals.items()} == dict.fromkeys(RIVALS, 10) | {
        "plain": 0, "ceiling": 50
    }  # fmt: skip
    assert rivals["darl"] == recipe(WARM, GROUND, REACH)


def test_softmax_rivals_learn_as_the_recipe_does_but_for_its_objective():
    rivals = made()
    for label in ("plain", "random", "margin", "ceiling"):
        one = rivals[label]
        assert one.objective == Component(name="softmax")
        assert (one.interpolate, one.gate, one.hold_out) == (None, None, 0.0)
        ground = one.stages[0]
        assert (ground.epochs, ground.lr, ground.batch_size, ground.items_per_query) == (2, 0.001, 8, 4)
        assert ground.objective_weights is None
        assert one.stages[0] == rivals["plain"].stages[0]
    for label, strategy in (("random", "random"), ("margin", "margin"), ("ceiling", "random")):
        union = rivals[label].stages[1]
        assert (union.name, union.examples, union.adapter) == ("union", "both", "new")
        assert (union.epochs, union.lr, union.anchor) == (2, 0.001, None)
        assert union.round.strategy.name == strategy
        assert str(union.round.features) == "tuned"


def test_one_stage_sees_the_training_pairs_as_often_as_the_recipe_does():
    probe = {"name": "probe", "trains": "head", "epochs": 7}
    rivals = made(probe, GROUND, REACH | {"name": "blend", "examples": "both", "replay": 0, "epochs": 3})
    assert [stage.epochs for stage in rivals["darl"].stages] == [7, 2, 3]
    for label in ("plain", "random", "margin", "dasa_one", "dasa_blend", "no_stages", "ceiling"):
        assert rivals[label].stages[-1].epochs == 5, label
    assert rivals["dasa_one"].stages[:-1] == rivals["darl"].stages[:-1]
    assert made(GROUND, REACH | {"epochs": 9})["random"].stages[-1].epochs == 2


def test_what_a_model_that_only_selects_has_seen_does_not_count():
    again = {"name": "again", "examples": "both", "replay": 0, "epochs": 3, "adapter": "new"}
    rivals = made(GROUND, REACH | again)
    assert rivals["random"].stages[-1].epochs == rivals["plain"].stages[-1].epochs == 3
    apart = made(GROUND, REACH | {"adapter": "new", "epochs": 9})
    assert apart["random"].stages[-1].epochs == apart["plain"].stages[-1].epochs == 2
    more = {"name": "more", "epochs": 4, "adapter": "ground"}
    assert made(GROUND, REACH | again, more)["random"].stages[-1].epochs == 2 + 4


def test_one_stage_learns_the_recipes_labels_with_its_objective():
    rivals = made()
    one, blend, whole = rivals["dasa_one"], rivals["dasa_blend"], rivals["darl"]
    assert one.objective == whole.objective
    assert one.stages[0] == whole.stages[0]
    assert one.stages[1].round == whole.stages[1].round
    assert (one.stages[1].adapter, one.stages[1].objective_weights) == ("new", (1, 2))
    assert one.interpolate is None
    assert one.hold_out == 0  # there is nothing to choose with them: they are learnt
    assert blend.stages == one.stages
    assert blend.interpolate == whole.interpolate
    assert blend.hold_out == 0.2


@pytest.mark.parametrize("label", ["no_objective", "no_dasa", "no_interpolate"])
def test_an_ablation_changes_one_thing(label):
    rivals = made()
    whole, one = rivals["darl"].model_dump(), rivals[label].model_dump()
    if label == "no_objective":
        assert one.pop("objective")["name"] == "softmax"
        assert "objective_weights" not in one["stages"][0]
        del whole["objective"], whole["stages"][0]["objective_weights"]
    elif label == "no_dasa":
        assert one["stages"][1]["round"].pop("strategy") == {"name": "random"}
        del whole["stages"][1]["round"]["strategy"]
    else:
        assert not {"interpolate", "hold_out"} & one.keys()
        del whole["interpolate"], whole["hold_out"]
    assert str(one) == str(whole)


def test_without_stages_it_is_the_rival_that_blends():
    rivals = made()
    assert same_as(rivals) == {label: label for label in rivals} | {
        "no_stages": "dasa_blend", "no_new_traffic": "darl",
    }  # fmt: skip
    gated = made(gate={"harm": 0.01})
    assert same_as(gated)["no_stages"] == "no_stages"  # it has a gate, the rival has none
    assert gated["no_stages"].gate == gated["darl"].gate


def test_a_warm_stage_is_what_one_stage_starts_from():
    rivals = made(WARM, GROUND, REACH)
    assert stages_of(rivals["no_warm"]) == ["ground", "reach"]
    assert stages_of(rivals["no_stages"]) == ["first", "ground", "union"]
    assert rivals["no_stages"].stages[2].adapter == "first"
    assert stages_of(rivals["dasa_one"]) == ["first", "ground", "union"]
    assert rivals["dasa_one"].stages[2].adapter == "new"
    assert stages_of(rivals["plain"]) == ["ground"]
    again = {**GROUND, "adapter": "first", "head": "new"}
    assert made(WARM, {"name": "other"}, again, REACH)["no_warm"].stages[1].adapter == "new"


def test_an_end_means_a_model_that_is_there():
    rivals = made(GROUND, REACH, {"name": "both", "examples": "both"}, interpolate={"first": "reach"})
    assert rivals["darl"].interpolate.first == "reach"
    assert rivals["dasa_blend"].interpolate.first == ""
    warm = made(WARM, GROUND, REACH, interpolate="first", gate={"over": "first"})
    assert (warm["no_warm"].interpolate.first, warm["no_warm"].gate.over) == ("", "")
    assert warm["no_stages"].interpolate.first == "first"


def test_what_the_recipe_lacks_is_not_taken_out():
    rivals = made(interpolate=None, hold_out=0)
    assert set(RIVALS) - set(rivals) == {"no_warm", "no_interpolate"}
    assert "no_new_traffic" not in rivals_of(recipe(), 50)
    assert rivals["dasa_blend"].interpolate.alphas == (0.5,)
    assert same_as(rivals)["no_stages"] == "dasa_one"
    assert set(PARTS) < set(RIVALS)


def test_a_soup_is_another_model():
    assert not made(soup=True)["darl"].soup


def test_those_that_see_the_pool_alike_stand_together():
    order = list(in_turn(made()))
    assert order == [
        "plain", "random", "margin", "no_objective", "ceiling",
        "dasa_one", "dasa_blend", "darl", "no_dasa", "no_stages", "no_interpolate", "no_new_traffic",
    ]  # fmt: skip


def test_first_stages_are_shared_whatever_is_held_out(tmp_path):
    rivals, run_dir = made(), RunDir(tmp_path)
    first = {label: run_dir.stage(one, 0, 1) for label, one in rivals.items()}
    softmax = ("plain", "random", "margin", "no_objective", "ceiling")
    assert len({first[label] for label in softmax}) == 1
    assert len({first[label] for label in rivals if label not in softmax}) == 1
    assert len(set(first.values())) == 2
    assert run_dir.stage(rivals["dasa_one"], 0, 2) != run_dir.stage(rivals["dasa_blend"], 0, 2)


PROBE = {"name": "probe", "trains": "head"}


@pytest.mark.parametrize(
    ("stages", "more", "pool", "faults"),
    [
        ([GROUND], {"interpolate": None, "hold_out": 0}, 50, ["a recipe with one round, received 0"]),
        ([GROUND, {**REACH, "round": {"budget": 5, "rounds": 2}}], {}, 50, ["one round, received 2"]),
        ([PROBE, REACH], {"interpolate": None}, 5, ["before the one with the round", "the pool has 5 pairs"]),
        (
            [GROUND, {**REACH, "round": {"budget": 10, "annotator": "spreadsheet"}}], {}, 9,
            ["stage reach: annotator: expected oracle", "spends 10 labels, and the pool has 9 pairs"],
        ),
        ([{**GROUND, "name": "union"}, REACH], {"interpolate": None}, 50, ["'union' stands twice"] * 6),
    ],
)  # fmt: skip
def test_all_faults_at_once(stages, more, pool, faults):
    with pytest.raises(ConfigError) as caught:
        rivals_of(recipe(*stages, **more), pool)
    assert len(caught.value.faults) == len(faults)
    for told, fault in zip(caught.value.faults, faults, strict=True):
        assert fault in told
