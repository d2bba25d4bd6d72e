"""A server at saturation for a long time: is every request answered once and rightly, and does memory stay?

    python -m benchmarks.soak runs/first/model --data shop/pool.jsonl --minutes 30

Many clients ask for 1 to 20 items of a query at a time, more than the queue takes, so that some are refused
(429) and ask again. Every answer is held against what the model says offline of the same pairs. The same
model is loaded anew six times, under load; at the end the server is told to stop, under load too, and
every request that it had taken must be answered. Memory is read once a second from /proc.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.serve import TIMEOUT_SECONDS, Request, body_of, requests_of
from darl.data.readers import read_pairs
from darl.models.checkpoint import load_model, read_card
from darl.models.prompt import template_fields

KEY = "a-key-for-soaking-alone"
WARM_UP_SHARE = 0.1
RELOADS = 6
MIB = 1024.0


class Tally:
    """What the clients saw; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()
        self.pairs, self.largest_error, self.wrong = 0, 0.0, 0

    def answered(self, status: int) -> None:
        """An answer came."""
        with self._lock:
            self.statuses[str(status)] += 1

    def failed(self, what: str) -> None:
        """None came, or half of one."""
        with self._lock:
            self.statuses[what] += 1

    def compared(self, n: int, error: float, wrong: bool) -> None:
        """The scores of an answer were held against the model's own."""
        with self._lock:
            self.pairs += n
            self.largest_error = max(self.largest_error, error)
            self.wrong += wrong


class Client(threading.Thread):
    """Asks again and again until it is told to stop, or the server has gone."""

    def __init__(
        self, address: str, requests: list[Request], truth: dict[str, float], tally: Tally, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._address, self._requests, self._truth, self._tally = address, requests, truth, tally
        self._rng, self.stopping = random.Random(seed), threading.Event()

    def run(self) -> None:
        """Until the end."""
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        while not self.stopping.is_set():
            some = self._rng.choice(self._requests)
            asked = self._rng.sample(some, self._rng.randint(1, len(some)))
            try:
                connection.request("POST", "/v2/rerank", body_of(asked), {"Content-Type": "application/json"})
            except OSError:
                # Not taken: a server that is told to stop no longer listens.
                self._tally.failed("not taken" if self.stopping.is_set() else "no connection")
                connection.close()
                continue
            try:
                answer = connection.getresponse()
                told = json.loads(answer.read())
            except (http.client.HTTPException, OSError, ValueError) as error:
                self._tally.failed("not taken" if self.stopping.is_set() else type(error).__name__)
                connection.close()
                continue
            self._tally.answered(answer.status)
            if answer.status == 200:
                self._compare(asked, told)
            elif answer.status == 429:
                time.sleep(self._rng.random())

    def _compare(self, asked: Request, told: dict[str, object]) -> None:
        results = told["results"]
        assert isinstance(results, list)
        places = sorted(one["index"] for one in results)
        errors = [abs(one["relevance_score"] - self._truth[_key(asked, one["index"])]) for one in results]
        self._tally.compared(len(asked), max(errors), places != list(range(len(asked))))


def _key(request: Request, place: int) -> str:
    return f"{request[place].query}\0{request[place].item}"


def memory_of(process: int) -> float:
    """Resident MiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return float(found[1]) / MIB if found else float("nan")


def truth_of(model: Path, requests: list[Request]) -> dict[str, float]:
    """What the model says of every pair by itself, as /v2/rerank tells it."""
    loaded = load_model(model, dtype="float32")  # as it is served on a processor
    pairs = [pair for request in requests for pair in request]
    scores = loaded.predict(pairs).scores / (len(loaded.grade_scale) - 1)
    return {f"{pair.query}\0{pair.item}": float(score) for pair, score in zip(pairs, scores, strict=True)}


def reload(address: str, model: Path) -> int:
    """Have the model loaded anew; the status."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    connection.request("POST", "/admin/reload", json.dumps({"model": str(model.resolve())}), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def soak(model: Path, requests: list[Request], clients: int, minutes: float, more: list[str]) -> str:
    """Everything seen, as Markdown."""
    truth, tally = truth_of(model, requests), Tally()
    command = [sys.executable, "-m", "darl", "serve", str(model), "--port", "0"]
    command += ["--max-documents", "100", "--queue-pairs", "200", *more]
    environment = os.environ | {"DARL_SERVE_ADMIN_KEYS": KEY}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process,
    ):
        found = re.search(r"at (http://\S+)", process.stdout.readline() if process.stdout else "")
        if found is None:
            errors.seek(0)
            raise SystemExit(f"the server did not start: {errors.read()}")
        address = urlsplit(found[1]).netloc
        asking = [Client(address, requests, truth, tally, seed) for seed in range(clients)]
        for client in asking:
            client.start()
        # The server keeps the model before the last one, to go back to: two have their place from here on.
        memory, reloads, began = [], Counter[str]([str(reload(address, model))]), time.monotonic()
        while (elapsed := time.monotonic() - began) < 60 * minutes:
            time.sleep(1)
            memory.append(memory_of(process.pid))
            if elapsed > reloads.total() * 60 * minutes / RELOADS:
                reloads[str(reload(address, model))] += 1
        taken = dict(tally.statuses)
        for client in asking:
            client.stopping.set()
        process.send_signal(signal.SIGTERM)
        status = process.wait()
        for client in asking:
            client.join(TIMEOUT_SECONDS)
        errors.seek(0)
        tracebacks = errors.read().count("Traceback")
    warm = memory[int(len(memory) * WARM_UP_SHARE) :]
    fifth = max(1, len(warm) // 5)
    sixths = np.array_split(np.array(memory), RELOADS)
    early, late = float(np.median(warm[:fifth])), float(np.median(warm[-fifth:]))
    rows = [
        ("minutes, clients", f"{minutes:g}, {clients}"),
        ("answers by status", ", ".join(f"{key}: {n:,}" for key, n in sorted(taken.items()))),
        ("after the signal to stop", ", ".join(_since(tally.statuses, taken)) or "none"),
        ("pairs answered, a second", f"{tally.pairs / (60 * minutes):,.1f}"),
        ("answers with an item lost or doubled", f"{tally.wrong:,}"),
        ("largest difference to the model's own score", f"{tally.largest_error:.1e}"),
        ("reloads by status", ", ".join(f"{key}: {n}" for key, n in reloads.items()) or "none"),
        ("memory after warm-up, at the end, MiB", f"{early:,.0f}, {late:,.0f} ({late / early - 1:+.1%})"),
        ("… medians of sixths of all the time", ", ".join(f"{np.median(one):,.0f}" for one in sixths)),
        ("tracebacks in the log, exit status", f"{tracebacks}, {status}"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""])


def _since(now: Counter[str], before: dict[str, int]) -> list[str]:
    return [f"{key}: {n - before.get(key, 0):,}" for key, n in sorted(now.items()) if n > before.get(key, 0)]


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="pairs, as darl predict reads them")
    parser.add_argument("--items", type=int, default=20, help="documents of a request, at most")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--out", type=Path, help="where the table goes, beside the screen")
    parser.add_argument("--serve", default="", help="further options of darl serve, in one string")
    options = parser.parse_args()
    fields = template_fields(read_card(options.model).model.prompt)
    requests = requests_of(read_pairs(options.data, item_fields=fields), options.items)
    found = soak(options.model, requests, options.clients, options.minutes, shlex.split(options.serve))
    print(found)
    if options.out is not None:
        options.out.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
