"""The rivals of a recipe of DaRL, and what is left of it without each of its parts: all made from it.

    plain            softmax, the training pairs alone
    random           softmax, one stage on training pairs and random labels together
    margin           softmax, one stage on training pairs and margin labels together
    dasa_one         the recipe's objective, one stage on training pairs and its own labels together
    dasa_blend       the same, ended between that and the model that chose the labels
    darl             the recipe
    no_objective     the recipe with softmax
    no_dasa          with random labels
    no_stages        with one stage on training pairs and labels together
    no_warm          without its warm stage
    no_interpolate   ended with its last stage
    no_new_traffic   the recipe's models, new traffic graded as all other pairs
    ceiling          softmax, one stage on training pairs and the whole pool

One stage on the union is the recipe's own stage on training pairs, again from the backbone, with more pairs,
and for as many epochs as the recipe's last model, with those it goes on from, has gone over the training
pairs: epochs of a model that is only asked which labels to buy do not count.
Labels are chosen by a model, so a stage on the training pairs comes before it, for nothing but that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from darl.catalogue import Component
from darl.errors import ConfigError
from darl.pipeline.ending_config import BACKBONE, START, GateConfig, InterpolationConfig
from darl.pipeline.overrides import faults_of
from darl.pipeline.recipe import Recipe
from darl.pipeline.stage import CONTINUE, NEW, RoundConfig, Stage

PLAIN, RANDOM, MARGIN, CEILING = "plain", "random", "margin", "ceiling"
DASA_ONE, DASA_BLEND, DARL = "dasa_one", "dasa_blend", "darl"
NO_NEW_TRAFFIC = "no_new_traffic"
PARTS = {
    "no_objective": "objective",
    "no_dasa": "DASA",
    "no_stages": "stages",
    "no_warm": "warm-up",
    "no_interpolate": "interpolation",
    NO_NEW_TRAFFIC: "cuts for new traffic",
}
"""What each ablation leaves out."""
RIVALS = (PLAIN, RANDOM, MARGIN, DASA_ONE, DASA_BLEND, DARL, *PARTS, CEILING)
CUT_ALIKE = (PLAIN, RANDOM, MARGIN, NO_NEW_TRAFFIC)
"""Rivals that do not grade new traffic by cuts of its own: that is a part of DaRL here."""
UNION, WARM = "union", "warm"  # a name; what a warm stage has for examples
SOFTMAX = Component(name="softmax")
HALFWAY = InterpolationConfig(alphas=(0.5,))
"""How the rival ends that interpolates, where the recipe does not."""
End = TypeVar("End", InterpolationConfig, GateConfig)
# What fine-tuning a classifier does not have.
BARE = {
    "trains": "all",
    "layers": None,
    "objective_weights": None,
    "anchor": None,
    "ema": None,
    "head": CONTINUE,
}


def rivals_of(recipe: Recipe, pool: int, new_traffic: bool = False) -> dict[str, Recipe]:
    """All rivals that the recipe has, by label, each checked.

    Args:
        recipe: With one round, and before it a stage that learns the training pairs.
        pool: Pairs of the pool.
        new_traffic: Whether labels also say how new traffic is graded (`calibration.new_traffic`).

    Raises:
        ConfigError: With every fault of the recipe, or of what is made of it.
    """
    faults = recipe_faults(recipe)
    if recipe.budget > pool:
        faults.append(f"its round spends {recipe.budget} labels, and the pool has {pool} pairs")
    if faults:
        raise ConfigError("study", faults)
    parts = _Parts(recipe)
    makers: dict[str, Callable[[], Recipe]] = {
        PLAIN: parts.plain,
        RANDOM: partial(parts.bought, Component(name="random")),
        MARGIN: partial(parts.bought, Component(name="margin")),
        DASA_ONE: partial(parts.one_stage, None),
        DASA_BLEND: partial(parts.one_stage, recipe.interpolate or HALFWAY),
        DARL: parts.whole,
        "no_objective": parts.no_objective,
        "no_dasa": parts.no_dasa,
        "no_stages": parts.no_stages,
        "no_warm": parts.no_warm,
        "no_interpolate": parts.no_interpolate,
        NO_NEW_TRAFFIC: parts.whole,
        CEILING: partial(parts.bought, Component(name="random"), pool),
    }
    if not parts.warm:
        del makers["no_warm"]
    if recipe.interpolate is None:
        del makers["no_interpolate"]
    if not new_traffic:
        del makers[NO_NEW_TRAFFIC]
    made = {}
    for label, make in makers.items():
        try:
            made[label] = make()
        except ValidationError as error:
            faults += [f"{label}: {fault}" for fault in faults_of(error)]
    if faults:
        raise ConfigError("study", faults)
    return made


def recipe_faults(recipe: Recipe) -> list[str]:
    """Why rivals cannot be made of a recipe; empty where they can."""
    if recipe.rounds != 1:
        return [f"expected a recipe with one round, received {recipe.rounds}"]
    faults = []
    before = [stage for stage in _first(recipe) if _learns_all(stage)]
    if not before:
        faults.append(
            "expected a stage before the one with the round that learns the training pairs (examples: train, "
            "trains: all), to choose labels with: received none"
        )
    faults += [
        f"stage {stage.name}: annotator: expected oracle, as the rivals' labels are bought too, received "
        f"{stage.round.annotator.name}"
        for stage in recipe.stages
        if stage.round and stage.round.annotator.name != "oracle"
    ]
    return faults


def same_as(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """The label under which each recipe is run: that of the first that does the same."""
    first: dict[str, str] = {}
    return {label: first.setdefault(recipe.model_dump_json(), label) for label, recipe in recipes.items()}


def in_turn(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """The recipes with those side by side that see the pool with one model, which then looks at it once."""
    seen: dict[str, int] = {}
    for recipe in recipes.values():
        seen.setdefault(_look(recipe), len(seen))
    return dict(sorted(recipes.items(), key=lambda one: seen[_look(one[1])]))


def _look(recipe: Recipe) -> str:
    alike = _first(recipe) if recipe.rounds else recipe.stages
    return Recipe(objective=recipe.objective, stages=alike).model_dump_json()


def _first(recipe: Recipe) -> tuple[Stage, ...]:
    """The stages before the one that selects."""
    at = next(i for i, stage in enumerate(recipe.stages) if stage.round)
    return recipe.stages[:at]


def _lineage(stages: Sequence[Stage]) -> list[Stage]:
    """The last stage and those that it goes on from: a stage that starts anew has none before it."""
    line = [stages[-1]]
    by_name = {stage.name: at for at, stage in enumerate(stages)}
    at = len(stages) - 1
    while stages[at].adapter != NEW and at:
        at = at - 1 if stages[at].adapter == CONTINUE else by_name[stages[at].adapter]
        line.append(stages[at])
    return line


def _sees_all(stage: Stage) -> bool:
    """Whether every epoch of it goes over all training pairs."""
    return stage.examples in ("train", "both") and stage.trains == "all"


def _learns_all(stage: Stage) -> bool:
    """Whether it does, and learns nothing else."""
    return stage.examples == "train" and _sees_all(stage)


def _but(stage: Stage, **changes: Any) -> Stage:  # noqa: ANN401 - whatever a stage holds
    """The stage with other values, checked."""
    return Stage.model_validate({name: getattr(stage, name) for name in Stage.model_fields} | changes)


class _Parts:
    """A recipe taken apart."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.first = _first(recipe)
        self.ground = next(stage for stage in reversed(self.first) if _learns_all(stage))
        self.warm = [stage.name for stage in recipe.stages if stage.examples == WARM]
        # A rival of one stage sees the training pairs as often as the recipe's last model has; where that has
        # seen labels alone, as often as the model that chose them.
        seen = sum(stage.epochs for stage in _lineage(recipe.stages) if _sees_all(stage))
        self.epochs = seen or self.ground.epochs

    @property
    def round(self) -> RoundConfig:
        """What is selected, and how."""
        return next(stage.round for stage in self.recipe.stages if stage.round)

    def union(self, round_: RoundConfig, adapter: str = NEW) -> Stage:
        """One stage on training pairs and labels."""
        how = {"examples": "both", "adapter": adapter, "anchor": None, "round": round_}
        return _but(self.ground, name=UNION, epochs=self.epochs, **how)

    def plain(self) -> Recipe:
        """The training pairs alone."""
        return Recipe(objective=SOFTMAX, stages=(self._plain_ground(),))

    def _plain_ground(self) -> Stage:
        return _but(self.ground, adapter="continue", epochs=self.epochs, **BARE)

    def bought(self, strategy: Component, budget: int | None = None) -> Recipe:
        """Softmax with labels that a strategy chose."""
        changes = {"strategy": strategy, "budget": budget or self.recipe.budget}
        union = _but(self.union(self.round.model_copy(update=changes)), **BARE)
        return Recipe(objective=SOFTMAX, stages=(self._plain_ground(), union))

    def one_stage(self, interpolate: InterpolationConfig | None) -> Recipe:
        """The recipe's objective and labels, learnt at once."""
        return self._made((*self.first, self.union(self.round)), interpolate=interpolate, gate=None)

    def whole(self) -> Recipe:
        """The recipe itself, without its soup: that is another model, of several seeds."""
        return self._made(self.recipe.stages)

    def no_objective(self) -> Recipe:
        """With softmax."""
        return self._made(
            tuple(_but(stage, objective_weights=None) for stage in self.recipe.stages), objective=SOFTMAX
        )

    def no_dasa(self) -> Recipe:
        """With random labels."""
        random = self.round.model_copy(update={"strategy": Component(name="random")})
        return self._made(
            tuple(_but(stage, round=random) if stage.round else stage for stage in self.recipe.stages)
        )

    def no_stages(self) -> Recipe:
        """With one stage, from the backbone or from what the warm stage made of it."""
        union = self.union(self.round, self.warm[-1] if self.warm else NEW)
        return self._made((*self.first, union))

    def no_warm(self) -> Recipe:
        """Without the warm stage; what started from it starts from the backbone, as its head does."""
        rest = [stage for stage in self.recipe.stages if stage.name not in self.warm]
        return self._made(
            tuple(
                _but(stage, head=CONTINUE, adapter=NEW if stage.adapter in self.warm else stage.adapter)
                for stage in rest
            )
        )

    def no_interpolate(self) -> Recipe:
        """Ended with the last stage."""
        return self._made(self.recipe.stages, interpolate=None)

    def _made(self, stages: tuple[Stage, ...], **changes: Any) -> Recipe:  # noqa: ANN401
        """A recipe of these stages that ends as this one, if they have the models that its end names."""
        recipe = self.recipe
        how = {
            "objective": recipe.objective,
            "interpolate": recipe.interpolate,
            "gate": recipe.gate,
        } | changes
        known = [*(stage.name for stage in stages[:-1]), BACKBONE, START]
        line, gate = _named(how["interpolate"], "first", known), _named(how["gate"], "over", known)
        # Labels are held out for the end: without one they are learnt.
        held = recipe.hold_out if line or gate else 0.0
        return Recipe(objective=how["objective"], stages=stages, hold_out=held, interpolate=line, gate=gate)


def _named(end: End | None, key: str, known: Sequence[str]) -> End | None:
    """An end that names a model which is there, or else means the one before the last stage."""
    if end is None or getattr(end, key) in known:
        return end
    return end.model_copy(update={key: ""})
