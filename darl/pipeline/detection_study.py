"""Which detector, on which features, tells unfamiliar traffic apart: measured on an experiment's own slices.

For every experiment the first stage of its baseline is trained, with each seed. Detectors are fitted on the
training pairs and score the in-distribution test slice (the first), every other test slice, and the
in-distribution slice with its queries misspelt and reworded.

    OUT/EXPERIMENT/                       the run that trained the models
    OUT/EXPERIMENT/scores/seed-N-DIGEST.safetensors
                                          ood_scores by "VIEW DETECTOR SLICE"; the digest is of what was tried
    OUT/rows.jsonl                        the findings

What is there is not made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from darl.catalogue import Component, build, component_faults, parse_typed
from darl.data.mixing import cut_to
from darl.data.shifts import SHIFTS, shifted
from darl.errors import ConfigError
from darl.evaluation.detection import Scored, auroc_replicates, detection
from darl.files import whole_file
from darl.models.base import FeatureView, seen_in
from darl.models.checkpoint import load_model
from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import template_fields
from darl.models.store import is_encoder
from darl.objectives.catalogue import OBJECTIVES
from darl.ood.base import SEEN
from darl.ood.catalogue import DETECTORS
from darl.pairs import GradedPair, Pair
from darl.pipeline.data import Splits
from darl.pipeline.detection_rows import Finding
from darl.pipeline.experiment import Experiment
from darl.pipeline.recipe import Recipe
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.stage import view_faults
from darl.pipeline.study import keep_rows
from darl.pipeline.work import Part
from darl.predictions import Predictions
from darl.progress import SILENT, Progress

VIEWS = tuple(map(FeatureView.parse, ("tuned", "frozen", "frozen.query", "frozen.item", "likelihood.query")))
ALL = tuple(Component(name=name) for name in sorted(DETECTORS))
RESAMPLES, LEVEL = 500, 0.95
IN_DIST, NO_FEATURES = "in_dist", "-"


def study_detection(
    experiments: Mapping[str, Experiment],
    out: Path,
    *,
    detectors: Sequence[Component] = ALL,
    views: Sequence[FeatureView] = VIEWS,
    most: int = 2000,
    resume: bool = False,
    progress: Progress = SILENT,
) -> list[Finding]:
    """Train, score and compare.

    Args:
        experiments: By name; of each, data, model, seeds, and the first stage of the baseline are used.
        out: Folder for everything that is made. The models in it serve later studies of other detectors.
        detectors: What to try, each on the views that it can read; once, where it reads none.
        views: Features to try; likelihoods are passed over where the backbone is an encoder.
        most: Pairs of a slice, and training pairs, at most: whole queries, drawn.
        resume: Go on in a folder that is begun.
        progress: Told how far it is.

    Raises:
        ConfigError: A slice has a name that the study gives, a detector does not fit the objective, or none
            fits the backbone.
        DarlError: An experiment does not fit its data, or `out` holds another run.
    """
    _check(experiments, detectors)
    found: list[Finding] = []
    for place, (name, experiment) in enumerate(experiments.items()):
        only = _first_stage(experiment)
        run_dir = RunDir.open(out / name, only, resume=resume)
        run(only, run_dir, progress=Part(progress, place, len(experiments)))
        splits = only.data.load(only.grades, template_fields(only.model.prompt))
        usual, slices = _slices(splits, most)
        kept = []
        for seed in only.seeds:
            fit = cut_to(splits.train, most, np.random.default_rng(seed))
            model = run_dir.recipe(only.baseline, seed) / "model"
            bench = _Bench(model, fit, {IN_DIST: usual, **slices}, detectors, views, progress)
            path = out / name / "scores" / f"seed-{seed}-{bench.digest}.safetensors"
            run_dir.once(path, lambda bench=bench, path=path: bench.keep(path))  # type: ignore[misc]
            kept.append(load_file(path))
        found += _findings(name, {IN_DIST: usual, **slices}, kept)
    keep_rows(found, out)
    return found


def parse_study(detectors: Sequence[Mapping[str, Any]], views: Sequence[str]) -> dict[str, Any]:
    """Arguments of `study_detection` from what is typed; what is not given is left to its defaults.

    Raises:
        ConfigError: With every fault found.
    """
    components = [parse_typed("detector", one) for one in detectors]
    faults = [fault for one in components for fault in component_faults(DETECTORS, one)]
    parsed: list[FeatureView] = []
    for view in views:
        try:
            parsed.append(FeatureView.parse(view))
        except ValueError as error:
            faults.append(f"view: {error}")
    if not faults:
        faults = _unread(components, parsed or VIEWS)
    if faults:
        raise ConfigError("study", faults)
    given = {"detectors": tuple(components), "views": tuple(parsed)}
    return {name: values for name, values in given.items() if values}


def _unread(detectors: Sequence[Component], views: Sequence[FeatureView]) -> list[str]:
    """Of the detectors that can read none of the views, why."""
    faults = [[view_faults(one, view) for view in views] for one in detectors]
    return [fault for one in faults if all(one) for fault in one[0]]


def _check(experiments: Mapping[str, Experiment], detectors: Sequence[Component]) -> None:
    """Tell what does not fit now, not when models have been trained."""
    reads = {one: build("detector", DETECTORS, one).needs for one in detectors}
    reads_logits = [one for one in detectors if "class_logits" in reads[one]]
    only_likelihoods = all("likelihoods" in needs for needs in reads.values())
    faults = []
    for name, experiment in experiments.items():
        odd = {IN_DIST, *SHIFTS} & set(list(experiment.data.test)[1:])
        faults += [f"{name}: {one} is what the study calls a slice of its own" for one in sorted(odd)]
        objective = experiment.recipes[experiment.baseline].objective
        if not build("objective", OBJECTIVES, objective).class_logits:
            faults += [
                f"{name}: {one} reads one logit a grade, which {objective} does not give"
                for one in reads_logits
            ]
        backbone = experiment.model.backbone
        if only_likelihoods and is_encoder(backbone):
            faults.append(f"{name}: {backbone} is an encoder, which has no likelihood: try other detectors")
    if faults:
        raise ConfigError("study", faults)


def _first_stage(experiment: Experiment) -> Experiment:
    recipe = experiment.recipes[experiment.baseline]
    short = Recipe(objective=recipe.objective, stages=recipe.stages[:1])
    return experiment.model_copy(
        update={"recipes": {experiment.baseline: short}, "reference_size": 0, "ood": None}
    )


def _slices(splits: Splits, most: int) -> tuple[list[Pair], dict[str, list[Pair]]]:
    """The in-distribution pairs, and by slice those to tell from them.

    The same for all seeds: a resample of queries must mean the same for each.
    """
    rng = np.random.default_rng(0)
    cut = {name: cut_to(part, most, rng) for name, part in splits.test.items()}
    (_, first), *others = [(name, [one.pair for one in part]) for name, part in cut.items()]
    made = {kind: shifted(first, kind) for kind in SHIFTS}
    return first, dict(others) | {kind: pairs for kind, pairs in made.items() if pairs}


@dataclass(frozen=True)
class _Bench:
    """One trained model: every detector on every view of every slice."""

    model: Path
    fit: Sequence[GradedPair]
    slices: Mapping[str, Sequence[Pair]]
    detectors: Sequence[Component]
    views: Sequence[FeatureView]
    progress: Progress

    @property
    def digest(self) -> str:
        """Of what is tried on what."""
        tried = [*map(str, self.detectors), *map(str, self.views), str(len(self.fit))]
        tried += [f"{name} {len(pairs)}" for name, pairs in self.slices.items()]
        return hashlib.sha256("\n".join(tried).encode()).hexdigest()[:8]

    def keep(self, path: Path) -> None:
        """Score, and keep the scores."""
        scores = dict(self._scores(load_model(self.model, progress=self.progress)))
        with whole_file(path) as temporary:
            save_file(scores, temporary)

    def _scores(self, model: NeuralRelevanceModel) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
        trained = [one.pair for one in self.fit]
        grades = np.asarray([one.grade for one in self.fit], np.int64)
        fit = model.predict(trained, progress=self.progress)
        own = {name: model.predict(pairs, progress=self.progress) for name, pairs in self.slices.items()}
        reads = {one: build("detector", DETECTORS, one).needs for one in self.detectors}
        blind = [one for one in self.detectors if not reads[one] & SEEN]
        yield from self._on_view(NO_FEATURES, blind, fit, grades, own)
        for view in self.views:
            others = [one for one in self.detectors if view.gives in reads[one]]
            if not others or not self._has(view, model):
                continue
            seen = {
                name: seen_in(view, model, pairs, own[name], self.progress)
                for name, pairs in self.slices.items()
            }
            known = seen_in(view, model, trained, fit, self.progress)
            yield from self._on_view(str(view), others, known, grades, seen)

    def _has(self, view: FeatureView, model: NeuralRelevanceModel) -> bool:
        if view.gives == "likelihoods" and model.vocabulary is None:
            told = f"{model.config.backbone} is an encoder, which has no likelihood"
            self.progress.message(f"{view}: passed over, {told}")
            return False
        return True

    def _on_view(
        self,
        view: str,
        detectors: Sequence[Component],
        fit: Predictions,
        grades: npt.NDArray[np.int64],
        seen: Mapping[str, Predictions],
    ) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
        for component in detectors:
            detector = build("detector", DETECTORS, component).fit(fit, grades)
            for name, predictions in seen.items():
                yield f"{view} {component} {name}", detector.score(predictions)


Scores = Mapping[str, npt.NDArray[np.float64]]


def _findings(
    experiment: str, slices: Mapping[str, Sequence[Pair]], seeds: Sequence[Scores]
) -> Iterator[Finding]:
    """A finding for each view, detector and slice of the scores."""
    queries = {name: np.asarray([pair.query_id for pair in pairs], np.str_) for name, pairs in slices.items()}
    for key in seeds[0]:
        tried, name = key.rsplit(" ", 1)
        if name != IN_DIST:
            sides = [
                [Scored(scores[f"{tried} {part}"], queries[part]) for part in (IN_DIST, name)]
                for scores in seeds
            ]
            view, _, detector = tried.partition(" ")
            yield _finding(experiment, name, view, detector, sides)


def _finding(
    experiment: str, name: str, view: str, detector: str, seeds: Sequence[Sequence[Scored]]
) -> Finding:
    measured = [detection(usual.ood_scores, new.ood_scores) for usual, new in seeds]
    # The same draws for all, so that seeds can be averaged, and differences between detectors are paired.
    drawn = [auroc_replicates(usual, new, RESAMPLES, np.random.default_rng(0)) for usual, new in seeds]
    auroc, aupr, fpr95 = np.mean(measured, axis=0).tolist()
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.mean(drawn, axis=0), [tail, 1 - tail]).tolist()
    if np.isnan(low):
        low = high = None
    by_seed = tuple(one.auroc for one in measured)
    usual, new = seeds[0]
    pairs = (len(new.ood_scores), len(usual.ood_scores))
    return Finding(experiment, name, view, detector, auroc, aupr, fpr95, low, high, by_seed, pairs)
