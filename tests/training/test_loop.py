"""Training: it learns, it is what it says, and a kill changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from darl.errors import CheckpointError, ConfigError, DivergedError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.pairs import GradedPair
from darl.training.batches import Examples
from darl.training.checkpoint import CHECKPOINT
from darl.training.config import TrainingConfig
from darl.training.loop import train_stage
from tests.tiny import toy_pairs

TRAIN = tuple(toy_pairs(48, queries=8))
VALID = toy_pairs(12, queries=3, prefix="v")


def fresh(backbone, **adapter):
    """With an objective of each pair alone, whose numbers tests work out for themselves."""
    config = ModelConfig(backbone=str(backbone), objective="softmax", adapter=AdapterConfig(**adapter))
    return build_model(config, GradeScale(), seed=1)


def train(model, folder, config=None, examples=None, valid=VALID, **more):
    config = config or TrainingConfig(epochs=2, batch_size=8, lr=1e-2)
    examples = Examples(TRAIN) if examples is None else examples
    return train_stage(model, examples, valid, config, seed=7, folder=folder, **more)


def weights(model):
    return {name: weight.detach().clone() for name, weight in model.trainable().items()}


def assert_same(first, second):
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0, msg=name)


def test_it_learns(backbone, tmp_path):
    model = train(fresh(backbone), tmp_path, TrainingConfig(epochs=12, batch_size=8, lr=1e-2))
    predictions = model.predict([one.pair for one in VALID])
    assert (predictions.grades == [one.grade for one in VALID]).mean() > 0.9


def test_the_frozen_backbone_stays(tiny_llm, tmp_path):
    model = fresh(tiny_llm)
    frozen = {n: w.clone() for n, w in model.scorer.named_parameters() if not w.requires_grad}
    train(model, tmp_path)
    assert frozen
    for name, weight in model.scorer.named_parameters():
        if name in frozen:
            assert torch.equal(weight, frozen[name])


def test_same_seed_same_weights(tiny_llm, tmp_path):
    first, second = (weights(train(fresh(tiny_llm), tmp_path / part)) for part in "ab")
    assert_same(first, second)


def test_micro_batches_make_the_same_step(tiny_llm, tmp_path):
    """Without dropout; with it the masks differ, as they must."""
    ends = [
        weights(
            train(
                fresh(tiny_llm, dropout=0.0),
                tmp_path / str(size),
                TrainingConfig(epochs=1, batch_size=8, micro_batch_size=size, lr=1e-3),
            )
        )
        for size in (None, 3)
    ]
    for name in ends[0]:
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=1e-3, atol=2e-5)


def test_zero_epochs_and_no_examples_leave_the_model_alone(tiny_llm, tmp_path):
    for config, examples in (
        (TrainingConfig(epochs=0), Examples(TRAIN)),
        (TrainingConfig(epochs=2, keep_best=False), Examples(())),
    ):
        model = fresh(tiny_llm)
        before = weights(model)
        train(model, tmp_path / str(config.epochs), config, examples)
        assert_same(before, weights(model))


def test_the_log_has_every_step_and_the_validation_loss(tiny_llm, tmp_path):
    train(fresh(tiny_llm), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "loss" in line]
    assert steps == list(range(1, 13))
    assert [line["step"] for line in lines if "valid_loss" in line] == [6, 12]
    factors = [line["lr_factor"] for line in lines if "loss" in line]
    assert factors.index(max(factors)) <= 1
    assert factors[-1] < 0.2


def test_the_best_epoch_is_kept_and_patience_stops(tiny_llm, tmp_path):
    """Validation pairs whose grades say the opposite: the more is learnt, the worse they are predicted."""
    contrary = [GradedPair(one.pair, 2 - one.grade) for one in TRAIN[:24]]
    config = TrainingConfig(epochs=9, batch_size=8, lr=1e-2, patience=2)
    model = train(fresh(tiny_llm), tmp_path, config, valid=contrary)
    lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    losses = [line["valid_loss"] for line in lines if "valid_loss" in line]
    assert len(losses) == losses.index(min(losses)) + 3 < 9
    probs = model.predict([one.pair for one in contrary]).grade_probs
    loss = -np.log(probs[np.arange(len(contrary)), [one.grade for one in contrary]]).mean()
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_patience_needs_validation(tiny_llm, tmp_path):
    with pytest.raises(ConfigError, match="patience"):
        train(fresh(tiny_llm), tmp_path, TrainingConfig(patience=1), valid=[])


class Stop(Exception):  # noqa: N818 - not an error
    pass


class StopAfter:
    """Progress that ends the training from within, after so many pairs."""

    def __init__(self, pairs):
        self.left = pairs

    def start(self, task, total, unit): ...
    def finish(self): ...
    def message(self, text): ...
    def overall(self, done, total): ...

    def advance(self, n):
        self.left -= n
        if self.left < 0:
            raise Stop


@pytest.mark.parametrize("pairs", [0, 20, 47, 48, 70])
def test_an_interrupted_training_ends_in_the_same_weights(tiny_llm, tmp_path, pairs):
    whole = weights(train(fresh(tiny_llm), tmp_path / "whole"))
    with pytest.raises(Stop):
        train(fresh(tiny_llm), tmp_path / "cut", checkpoint_seconds=0.0, progress=StopAfter(pairs))
    resumed = train(fresh(tiny_llm), tmp_path / "cut")
    assert_same(whole, weights(resumed))
    logs = [(tmp_path / part / "log.jsonl").read_text() for part in ("whole", "cut")]
    assert logs[0] == logs[1]


def test_a_checkpoint_of_another_plan_is_refused(tiny_llm, tmp_path):
    train(fresh(tiny_llm), tmp_path)
    with pytest.raises(CheckpointError, match="other data, settings or seed"):
        train(fresh(tiny_llm), tmp_path, TrainingConfig(epochs=3, batch_size=8, lr=1e-2))


def test_a_checkpoint_of_another_model_is_refused(tiny_llm, tmp_path):
    train(fresh(tiny_llm), tmp_path)
    for other in (fresh(tiny_llm, rank=2), fresh(tiny_llm, upper_layers=1), fresh(tiny_llm, alpha=1.0)):
        with pytest.raises(CheckpointError, match="other data, settings or seed"):
            train(other, tmp_path)


def test_a_loss_that_is_no_number_is_told(tiny_llm, tmp_path):
    model = fresh(tiny_llm)
    with torch.no_grad():
        model.scorer.head.bias.fill_(float("nan"))
    with pytest.raises(DivergedError, match="lower lr"):
        train(model, tmp_path)


def test_a_damaged_checkpoint_is_refused(tiny_llm, tmp_path):
    train(fresh(tiny_llm), tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        train(fresh(tiny_llm), tmp_path)


SCRIPT = """
import sys
from pathlib import Path
from tests.training.test_loop import fresh, train
from darl.models.checkpoint import save_model
model = train(fresh(sys.argv[1]), Path(sys.argv[2]), checkpoint_seconds=0.0)
save_model(model, Path(sys.argv[2]) / "model")
"""


def spawn(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_killed_and_resumed_is_as_if_nothing_had_happened(tiny_llm, tmp_path):
    assert spawn(tiny_llm, tmp_path / "whole").wait(120) == 0
    victim = spawn(tiny_llm, tmp_path / "cut")
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "cut" / "model").exists()
    assert spawn(tiny_llm, tmp_path / "cut").wait(120) == 0
    for name in ("adapter_model.safetensors", "head.safetensors"):
        whole, cut = (tmp_path / part / "model" / name for part in ("whole", "cut"))
        assert whole.read_bytes() == cut.read_bytes()


def test_two_processes_take_the_same_steps_as_one(tiny_llm, tmp_path):
    """accelerate launch on two CPU processes; without dropout, whose masks are each process's own."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.training.test_loop import fresh, train, TrainingConfig\n"
        "from darl.models.checkpoint import save_model\n"
        "from accelerate import PartialState\n"
        "config = TrainingConfig(epochs=1, batch_size=7, lr=1e-3)\n"
        "model = train(fresh(sys.argv[1], dropout=0.0), Path(sys.argv[2]), config)\n"
        "if PartialState().is_main_process: save_model(model, Path(sys.argv[2]) / 'model')\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_machines", "1"]
    for n in (1, 2):
        subprocess.run(
            [*launch, "--num_processes", str(n), str(script), str(tiny_llm), str(tmp_path / str(n))],
            env=environment,
            check=True,
            timeout=240,
            capture_output=True,
        )
    from darl.models.checkpoint import load_model

    one, two = (weights(load_model(tmp_path / n / "model")) for n in "12")
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=2e-5)
