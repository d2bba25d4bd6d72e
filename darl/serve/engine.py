"""The way of a request's pairs: to the cache, the tokenizer, the batcher, and what is learnt of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from darl.errors import DarlError
from darl.models.machine import give_back_memory
from darl.pairs import Pair
from darl.serve.answers import PROBS, Answers, Table
from darl.serve.batcher import Batcher, Job
from darl.serve.cache import AnswerCache, ReadingCache, read_row
from darl.serve.capture import Capture
from darl.serve.drift import Drift
from darl.serve.errors import DeadlineError, FieldFault, InvalidError
from darl.serve.logs import LOGGER
from darl.serve.metrics import Metrics, drift_families
from darl.serve.served import Served
from darl.serve.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Cutting:
    """What becomes of texts that are too long.

    Attributes:
        refuse: Whether a pair that the model cannot read whole is refused.
        item_tokens: Items are cut to so many tokens first; None = they are not.
        places: (N,) what the request calls each pair, for the refusal.
    """

    refuse: bool
    item_tokens: int | None
    places: Sequence[str]


@dataclass(frozen=True)
class Standing:
    """A model that is served, and how the traffic looks beside it."""

    served: Served
    drift: Drift


class Engine:
    """Everything behind the routes. Its methods belong to the event loop; the model belongs to the batcher.

    Args:
        served: The model.
        settings: How the server is set.
        load: Loads another model's folder.
    """

    def __init__(self, served: Served, settings: Settings, load: Callable[[Path], Served]) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.now = Standing(served, Drift.of(served, settings))
        self.before: Standing | None = None
        self.closing = False
        self.cache = AnswerCache(settings.cache_bytes)
        self.readings = ReadingCache(settings.readings_bytes, self.metrics)
        self.batcher = Batcher(
            settings.queue_pairs,
            settings.batch_tokens,
            self.metrics,
            settings.workers or 1,
            self.readings if settings.readings_bytes else None,
        )
        self._load, self._changing = load, asyncio.Lock()
        self._tokenizer = ThreadPoolExecutor(1, "darl-tokenizer")
        self._loader = ThreadPoolExecutor(1, "darl-loader")
        self._capture = (
            Capture(settings.capture, self.metrics, np.random.default_rng()) if settings.capture else None
        )
        self.metrics.serves(served.digest)
        self.metrics.watch(lambda: drift_families(self.now.drift.told()))

    @property
    def served(self) -> Served:
        """The model that is served now."""
        return self.now.served

    async def grade(self, served: Served, pairs: Sequence[Pair], cutting: Cutting) -> Answers:
        """What is told of N pairs, by a model that is or was served.

        Raises:
            DeadlineError: Not in time; what was not scored yet will not be.
            OverloadedError: The queue is full.
            ClosingError: The server is going down.
            InvalidError: A pair is too long, and was not to be cut.
            ScoringError: The model failed.
        """
        try:
            async with asyncio.timeout(self.settings.deadline):
                answers = Answers(await self._table(served, pairs, cutting))
        except TimeoutError:
            told = (
                f"not answered within {self.settings.deadline:g} s: send fewer documents, or try again later"
            )
            raise DeadlineError(told) from None
        await self._learn(served, pairs, answers)
        return answers

    async def _table(self, served: Served, pairs: Sequence[Pair], cutting: Cutting) -> Table:
        if cutting.item_tokens is not None and cutting.item_tokens < served.max_length:
            pairs = await self._tokenise(lambda: served.cut(pairs, cutting.item_tokens or 1))
        if cutting.refuse:
            check_lengths(await self._tokenise(lambda: served.lengths(pairs)), served.max_length, cutting)
        keys = self.cache.keys(served.digest, pairs)
        known = self.cache.find(keys)
        missing = [row for row in range(len(pairs)) if row not in known]
        self.metrics.cached_pairs.inc(len(known))
        table = np.empty((len(pairs), PROBS + len(served.scale)))
        if missing:
            table[missing] = await self._score(served, [pairs[row] for row in missing])
        for row, kept in known.items():
            table[row] = read_row(kept)
        if keys:
            self.cache.keep([keys[row] for row in missing], table[missing])
            self.metrics.cache_bytes.set(self.cache.bytes)
        return table

    async def _score(self, served: Served, pairs: Sequence[Pair]) -> Table:
        self.batcher.admit(len(pairs))
        try:
            job = await self._tokenise(lambda: encoded(served, pairs))
        except BaseException:
            self.batcher.release(len(pairs))
            raise
        return await asyncio.wrap_future(self.batcher.submit(job))

    async def _tokenise(self, work: Callable[[], T]) -> T:
        """Work for the one thread that may use the tokenizer."""
        began = time.monotonic()
        done = await asyncio.get_running_loop().run_in_executor(self._tokenizer, work)
        self.metrics.tokenization_duration.observe(time.monotonic() - began)
        return done

    async def _learn(self, served: Served, pairs: Sequence[Pair], answers: Answers) -> None:
        self.metrics.pairs.inc(len(pairs))
        self.metrics.request_pairs.observe(len(pairs))
        if served is self.served:
            self.now.drift.observe(answers, pairs)
        percentiles = answers.ood_percentiles
        if self._capture is None or percentiles is None:
            return
        if self._capture.offer(pairs, percentiles, served.fields):
            await self._write_captured()

    async def _write_captured(self) -> None:
        """A disk that is full must not take answers along."""
        if self._capture is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._loader, self._capture.write)
        except (DarlError, OSError) as error:
            LOGGER.error("capture failed", exc_info=error)

    async def reload(self, folder: Path) -> Served:
        """Serve another model from now on; requests that were accepted are answered by the one they came to.

        Raises:
            DarlError: The folder cannot be trusted; what is served stays.
        """
        async with self._changing:
            loop = asyncio.get_running_loop()
            after = await loop.run_in_executor(self._loader, self._standing, folder)
            self._serve(after)
            # Without this the memory of replaced models piles up (docs/results/serving.md).
            await loop.run_in_executor(self._loader, give_back_memory)
            return after.served

    async def roll_back(self) -> Served | None:
        """Serve the model before the last reload again; None where there is none."""
        async with self._changing:
            if self.before is None:
                return None
            self._serve(self.before)
            return self.served

    async def close(self) -> None:
        """Finish what was accepted, then stop."""
        self.closing = True
        await asyncio.get_running_loop().run_in_executor(None, self.batcher.close)
        await self._write_captured()
        self._tokenizer.shutdown()
        self._loader.shutdown()

    def _standing(self, folder: Path) -> Standing:
        served = self._load(folder)
        return Standing(served, Drift.of(served, self.settings))

    def _serve(self, standing: Standing) -> None:
        self.now, self.before = standing, self.now
        self.cache.clear()
        self.readings.clear()
        self.metrics.cache_bytes.set(0)
        self.metrics.readings_bytes.set(0)
        self.metrics.serves(standing.served.digest)
        LOGGER.info(
            "serving", extra={"model_sha": standing.served.digest, "folder": str(standing.served.folder)}
        )


def encoded(served: Served, pairs: Sequence[Pair]) -> Job:
    """Pairs as the batcher takes them."""
    texts = served.encode(pairs)
    return Job(served, pairs, texts, *served.plan(texts))


def check_lengths(lengths: Sequence[int], most: int, cutting: Cutting) -> None:
    """Refuse pairs that the model cannot read whole.

    Raises:
        InvalidError: Naming each.
    """
    faults = [
        FieldFault(place, f"{length} tokens with query and prompt, expected at most {most}")
        for place, length in zip(cutting.places, lengths, strict=True)
        if length > most
    ]
    if faults:
        told = f"{faults[0].field}: {faults[0].message}"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InvalidError(f"{told}{more}: shorten them, or ask for truncation", faults)
