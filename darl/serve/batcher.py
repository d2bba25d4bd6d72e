"""Requests that arrive together are scored together, in a few threads, and what waits is bounded.

There is no waiting for company: while the model is at work requests gather, and who is free takes its share
of them, counted in tokens, at most as many as fill a call. A request that is larger than a call is scored in
parts, and pairs that several requests of a call ask of are scored once. Pairs of one query lie together in
packed rows, whoever asked.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread
from typing import NamedTuple

import numpy as np

from darl.models.prompt import Tokens
from darl.pairs import Pair
from darl.predictions import IntArray
from darl.serve.answers import Table
from darl.serve.cache import ReadingCache
from darl.serve.errors import ClosingError, OverloadedError, ScoringError
from darl.serve.metrics import Metrics
from darl.serve.served import Served

LONGEST_WAIT = 60
RATE_MEMORY = 0.8


@dataclass(eq=False)
class Job:
    """A request's pairs on their way.

    Attributes:
        served: The model that it was accepted for, and that answers it whatever is served by then.
        pairs: N pairs.
        texts: What that model reads of them.
        order: The order in which they are scored.
        costs: (N,) tokens that each costs, in that order.
        future: Becomes the (N, 6 + K) table.
        taken: How many have been taken, in that order.
        done: The table so far.
        lock: Held by who changes that: parts may be scored at the same time.
    """

    served: Served
    pairs: Sequence[Pair]
    texts: Sequence[Tokens]
    order: Sequence[int]
    costs: IntArray
    future: Future[Table] = field(default_factory=Future)
    taken: int = 0
    left: int = 0
    done: Table | None = None
    came: float = field(default_factory=time.monotonic)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.left = len(self.pairs)

    @property
    def tokens(self) -> int:
        """What its rows cost that wait."""
        return int(self.costs[self.taken :].sum())

    def take(self, tokens: int) -> list[int]:
        """The next of its rows that fit, at least one; they are taken."""
        sums = np.cumsum(self.costs[self.taken :])
        n = max(1, int(np.searchsorted(sums, tokens, side="right")))
        rows = list(self.order[self.taken : self.taken + n])
        self.taken += len(rows)
        return rows

    def fill(self, rows: Sequence[int], table: Table) -> None:
        """Put scored rows in; the last ones complete it."""
        with self.lock:
            if self.done is None:
                self.done = np.empty((len(self.pairs), table.shape[1]))
            self.done[rows] = table
            self.left -= len(rows)
            if not self.left and self.future.set_running_or_notify_cancel():
                self.future.set_result(self.done)

    def fail(self, error: Exception) -> None:
        """It gets no answer."""
        with self.lock:
            if not self.future.done() and self.future.set_running_or_notify_cancel():
                self.future.set_exception(error)


class Share(NamedTuple):
    """Rows of a job that are in a batch."""

    job: Job
    rows: list[int]


class Batcher:
    """Scores what is submitted, in threads of its own.

    Args:
        most_pairs: Pairs that may wait; more are refused. A request alone always gets in.
        batch_tokens: Tokens of one call; None = as many as fill a forward pass of the model.
        metrics: Told of every batch.
        workers: Calls at a time.
        readings: Kept of texts; None = none are.
    """

    def __init__(
        self,
        most_pairs: int,
        batch_tokens: int | None,
        metrics: Metrics,
        workers: int = 1,
        readings: ReadingCache | None = None,
    ) -> None:
        self._most, self._tokens, self._metrics = most_pairs, batch_tokens, metrics
        self._readings = readings
        self._jobs: deque[Job] = deque()
        self._waiting, self._closing = 0, False
        self._rate = 0.0
        self._changed = Condition()
        self._threads = [
            Thread(target=self._work, name=f"darl-scorer-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether its threads are at work, or ready for it."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def waiting(self) -> int:
        """Pairs that have a place in the queue."""
        return self._waiting

    def admit(self, n: int) -> None:
        """Take n places in the queue, before the pairs are encoded.

        Raises:
            OverloadedError: There are not so many.
            ClosingError: The server is going down.
        """
        with self._changed:
            if self._closing:
                raise ClosingError("the server is going down: try another, or try again later")
            if self._full(n):
                self._forget_done()
            if self._full(n):
                raise OverloadedError(self._retry_seconds())
            self._change(n)

    def release(self, n: int) -> None:
        """Give n places back."""
        with self._changed:
            self._change(-n)

    def submit(self, job: Job) -> Future[Table]:
        """Queue pairs that have been admitted; cancelling the future takes them out again."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Take nothing more, finish what was taken, and end the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _full(self, n: int) -> bool:
        return self._waiting > 0 and self._waiting + n > self._most

    def _forget_done(self) -> None:
        """Jobs that nobody waits for any more give their places back."""
        for job in self._jobs:
            if job.future.done():
                self._change(job.taken - len(job.pairs))
        self._jobs = deque(job for job in self._jobs if not job.future.done())

    def _change(self, n: int) -> None:
        self._waiting += n
        self._metrics.queue_size.set(self._waiting)

    def _retry_seconds(self) -> int:
        """Until half of what waits is scored, at the rate of late."""
        seconds = self._waiting / 2 / self._rate if self._rate else 1.0
        return min(LONGEST_WAIT, max(1, math.ceil(seconds)))

    def _work(self) -> None:
        while batch := self._next_batch():
            self._score(batch)
            del batch  # or its texts would stay until the next request

    def _next_batch(self) -> list[Share]:
        """What is scored next; nothing when the server is going down and all is done."""
        with self._changed:
            while True:
                batch = self._gather()
                if batch or self._closing:
                    return batch
                self._changed.wait()

    def _gather(self) -> list[Share]:
        """The oldest jobs of one model: as many rows as fill a call, of several jobs no more than a share."""
        batch: list[Share] = []
        tokens = share = 0
        self._forget_done()
        while self._jobs:
            job = self._jobs[0]
            if batch and job.served is not batch[0].job.served:
                break
            if not batch:
                tokens = self._tokens or job.served.batch_tokens
                share = tokens - sum(one.tokens for one in self._jobs) // len(self._threads)
            if batch and (tokens <= share or job.costs[job.taken] > tokens):
                break
            before = job.taken
            rows = job.take(tokens)
            tokens -= int(job.costs[before : job.taken].sum())
            self._change(-len(rows))
            batch.append(Share(job, rows))
            if job.taken < len(job.pairs):
                break
            self._jobs.popleft()
        return batch

    def _score(self, batch: list[Share]) -> None:
        batch = [share for share in batch if not share.job.future.done()]
        if not batch:
            return
        began = time.monotonic()
        for job, rows in batch:
            if job.taken == len(rows):  # its first part
                self._metrics.queue_duration.observe(began - job.came)
        try:
            self._answer(batch)
        except Exception as error:
            self._apart(batch, error)
            return
        self._tell(batch, time.monotonic() - began)

    def _answer(self, batch: list[Share]) -> None:
        """One call for all; pairs that are asked for twice are scored once."""
        places: dict[Pair, int] = {}
        texts: list[Tokens] = []
        for job, rows in batch:
            for row in rows:
                if places.setdefault(job.pairs[row], len(texts)) == len(texts):
                    texts.append(job.texts[row])
        served = batch[0].job.served
        known = self._readings.of(served.digest) if self._readings is not None else None
        table = served.answer(list(places), texts, known)
        for job, rows in batch:
            job.fill(rows, table[[places[job.pairs[row]] for row in rows]])

    def _apart(self, batch: list[Share], error: Exception) -> None:
        """A call failed: each job by itself, so that one does not take the others along."""
        if len(batch) > 1:
            for share in batch:
                self._score([share])
            return
        failed = ScoringError("the model failed on these pairs; the log says why under the request_id")
        failed.__cause__ = error
        batch[0].job.fail(failed)

    def _tell(self, batch: list[Share], seconds: float) -> None:
        pairs = sum(len(rows) for _, rows in batch)
        tokens = sum(len(job.texts[row]["input_ids"]) for job, rows in batch for row in rows)
        self._metrics.batch(len(batch), pairs, tokens, seconds)
        rate = pairs / max(seconds, 1e-6)
        self._rate = RATE_MEMORY * self._rate + (1 - RATE_MEMORY) * rate if self._rate else rate
