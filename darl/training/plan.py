"""What a stage is: a checkpoint of another one is not gone on with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from darl.models.neural import NeuralRelevanceModel
from darl.pairs import GradedPair, Ratings, digest_of
from darl.training.batches import Examples
from darl.training.config import TrainingConfig


def plan_of(
    model: NeuralRelevanceModel,
    config: TrainingConfig,
    examples: Examples,
    valid: Sequence[GradedPair],
    in_dist: Sequence[GradedPair],
    ratings: Ratings,
    seed: int,
) -> str:
    """Identity of a stage: the model, the settings, the seed and the data."""
    made_of = model.config.model_dump(mode="json", exclude={"backbone"})  # its fingerprint says which
    identity = [
        made_of,
        model.fingerprint,
        model.grade_scale.names,
        config.model_dump(mode="json"),
        seed,
        examples.share,
    ]
    digest = hashlib.sha256(json.dumps(identity).encode())
    held_to = (in_dist,) if config.anchor is not None and config.anchor.kl else ()
    for part in (examples.main, examples.replay, valid, *held_to):
        digest.update(digest_of(part).encode())
    if ratings:  # without any, a stage is what it was before there were ratings
        said = [ratings.get(one.pair) for one in (*examples.all, *valid)]
        digest.update(json.dumps(said).encode())
    return digest.hexdigest()
