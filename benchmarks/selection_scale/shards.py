"""Made pools as `darl predict --features` would have written them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.selection_scale.made import BLOCK, GRADES, World
from darl.grades import GradeScale
from darl.pipeline.graded import GradedPool
from darl.pipeline.predict_plan import PLAN, Origin, Plan
from darl.pipeline.shards import ShardForm, shard_path
from darl.pipeline.told import Told
from darl.predictions import Decisions, Predictions

SHARD_SIZE = 50_000
BESIDE_FEATURES = 64
"""Bytes a pair of all that is no feature, packed; measured 36."""

SPARE = 0.9
"""Share of the free disk that may be filled."""


def form() -> ShardForm:
    """What the shards have."""
    return ShardForm.of(GradeScale(GRADES), (), features=True)


def bytes_of(n: int, width: int) -> int:
    """Disk that so many pairs take; random numbers do not pack."""
    return n * (2 * width + BESIDE_FEATURES)


def width_that_fits(n: int, width: int, work: Path) -> int:
    """The widest features, at most `width`, with which so many pairs fit on the disk.

    Raises:
        OSError: Not even the narrowest fit.
    """
    free = shutil.disk_usage(work).free * SPARE + sum(
        file.stat().st_size for file in work.glob("shards-*/*.parquet")
    )
    for narrower in (width, 384, 256, 128, 64, 32):
        if narrower <= width and bytes_of(n, narrower) <= free:
            return narrower
    raise OSError(f"{work}: {n:,} pairs need {bytes_of(n, 32):,} bytes, {free:,.0f} may be used")


def write(
    world: World, n: int, work: Path, told: Callable[[str], None], size: int = SHARD_SIZE
) -> GradedPool:
    """The first n pairs of the pool as a folder of shards; shards that were made before are not made again.

    Args:
        world: Where the pairs come from.
        n: How many.
        work: Holds the shards of all pools of this world, and a folder of links for each pool.
        told: Hears how far it is.
        size: Pairs of a shard, a multiple of the pairs that are made together.
    """
    store = work / f"shards-{world.width}-{world.seed}-{size}"
    folder = work / f"pool-{world.width}-{world.seed}-{size}-{n}"
    folder.mkdir(parents=True, exist_ok=True)
    origin = Origin(files=(), model="made", uncalibrated="made", shard_size=size, features=True)
    plan = Plan(origin=origin, pairs=n, bad_rows=0)
    if not (folder / PLAN).exists():
        plan.begin(folder)
    for number in range(plan.shards):
        rows = plan.size_of(number)
        made, link = store / f"{number:05d}-{rows}.parquet", shard_path(folder, number)
        if not made.exists():
            told(f"shard {number + 1} of {plan.shards} of {n:,} pairs")
            said = _rows(world, number * size, rows)
            form().write(made, world.pairs(number * size, rows), said, Told(Decisions.of(said)))
        if not link.exists():
            link.symlink_to(made.resolve())
    return GradedPool.of(folder, plan, form())


def _rows(world: World, start: int, n: int) -> Predictions:
    if start % BLOCK:
        raise ValueError(f"a shard begins at a multiple of {BLOCK}, received {start}")
    return world.pool(n, start)[0]
