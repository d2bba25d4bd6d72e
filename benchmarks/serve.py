"""What the server adds to the model: throughput, latency and overhead beside the engine's own offline rate.

    python -m benchmarks.serve runs/first/model --data shop/pool.jsonl
    python -m benchmarks.serve runs/first/model --data shop/pool.jsonl --seconds 60 --clients 32

The server is a process of its own, the load comes from this one, and the offline rate is of the same pairs
in the same run. No item stands in two requests, so that a call of all of them reads no fewer texts than they
do. Loads: one request after the other; as many clients at once as are asked for; requests that come at equal
and at random (exponential) gaps, at half the rate that the server kept up with; and, where the model reads
query and item apart, the first two with kept readings of all texts (--readings-mib).
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import torch

from darl.data.readers import read_pairs
from darl.models.checkpoint import load_model, read_card
from darl.models.encoder import ApartPooling
from darl.models.prompt import template_fields
from darl.pairs import Pair

Request = list[Pair]
WARM_UP = 3
TIMEOUT_SECONDS = 300.0
ALONE = 20
PARTS = ("tokenization", "queue", "inference")


def requests_of(pairs: list[Pair], items: int) -> list[Request]:
    """Requests of `items` pairs of one query each; no item is in two of them."""
    seen: set[str] = set()
    by_query: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair.item not in seen:
            by_query.setdefault(pair.query, []).append(pair)
        seen.add(pair.item)
    found = [
        some[start : start + items]
        for some in by_query.values()
        for start in range(0, len(some) - items + 1, items)
    ]
    if not found:
        raise SystemExit(
            f"expected a query with {items} items that no other has: give other pairs, or --items"
        )
    return found


def body_of(request: Request) -> bytes:
    """A request as Cohere's clients send it."""
    documents = [{"text": pair.item, **dict(pair.fields)} for pair in request]
    return json.dumps({"query": request[0].query, "documents": documents}).encode()


def seconds_of(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Offline(NamedTuple):
    """The model without a server.

    Attributes:
        rate: Pairs a second of all requests in one call.
        alone: Median seconds of one request by itself.
        share: The same with as many threads as a call of the server has.
        apart: Whether it reads query and item apart.
    """

    rate: float
    alone: float
    share: float
    apart: bool


def offline(model: Path, requests: list[Request], workers: int) -> Offline:
    """Measure the model without a server."""
    loaded = load_model(model, dtype="float32")  # as it is served on a processor
    loaded.predict(requests[0])
    everything = [pair for request in requests for pair in request]
    rate = len(everything) / seconds_of(lambda: loaded.predict(everything))

    def alone(threads: int) -> float:
        torch.set_num_threads(threads)
        loaded.predict(requests[0])
        some = requests[:ALONE]
        return float(np.median([seconds_of(lambda one=one: loaded.predict(one)) for one in some]))

    threads = torch.get_num_threads()
    apart = isinstance(loaded.scorer.pooling, ApartPooling)
    return Offline(rate, alone(threads), alone(max(1, threads // workers)), apart)


@contextmanager
def server(model: Path, *more: str) -> Iterator[str]:
    """A server in a process of its own; its host and port."""
    command = [sys.executable, "-m", "darl", "serve", str(model), "--port", "0", "--queue-pairs", "20000"]
    command += more
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"at (http://\S+)", line)
            if found is None:
                raise SystemExit(f"the server did not start: {line!r}")
            yield urlsplit(found[1]).netloc
        finally:
            process.terminate()


class Client:
    """One connection that asks and waits; `address` is the host and port, and the route if it is another."""

    def __init__(self, address: str) -> None:
        host, slash, route = address.partition("/")
        self._connection = http.client.HTTPConnection(host, timeout=TIMEOUT_SECONDS)
        self._route = slash + route or "/v2/rerank"

    def ask(self, body: bytes) -> float:
        """Seconds to the whole answer."""
        began = time.perf_counter()
        self._connection.request("POST", self._route, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
        return time.perf_counter() - began


def one_by_one(address: str, bodies: list[bytes], seconds: float) -> list[float]:
    """Latencies of a single client that asks again as soon as it is answered."""
    client, found = Client(address), []
    end = time.perf_counter() + seconds
    for body in itertools.cycle(bodies):
        found.append(client.ask(body))
        if time.perf_counter() > end:
            return found[WARM_UP:]
    return found


def at_once(address: str, bodies: list[bytes], clients: int, seconds: float) -> tuple[list[float], float]:
    """Latencies of many such clients, and answers a second from the time on when all are at work."""
    found: list[float] = []
    moments: list[float] = []
    begin = time.perf_counter() + seconds / 8
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        client = Client(address)
        for body in itertools.cycle(bodies[number:] + bodies[:number]):
            if time.perf_counter() > end:
                return
            found.append(client.ask(body))
            moments.append(time.perf_counter())

    step = max(1, len(bodies) // clients)
    run([lambda number=number: work(number * step % len(bodies)) for number in range(clients)])
    return found, sum(begin < moment <= end for moment in moments) / (end - begin)


def at_rate(address: str, bodies: list[bytes], rate: float, seconds: float, random: bool) -> list[float]:
    """Latencies, from the moment a request is due, of requests that come at equal or random gaps."""
    gaps = np.full(max(1, round(rate * seconds)), 1 / rate)
    if random:
        gaps = np.random.default_rng(0).exponential(gaps)
    due = time.perf_counter() + 0.5 + np.cumsum(gaps)
    found: list[float] = []

    def work(moment: float, body: bytes) -> None:
        time.sleep(max(0.0, moment - time.perf_counter()))
        Client(address).ask(body)
        found.append(time.perf_counter() - moment)

    pairs = zip(due.tolist(), itertools.cycle(bodies), strict=False)
    run([lambda moment=moment, body=body: work(moment, body) for moment, body in pairs])
    return found


def run(works: list[Callable[[], None]]) -> None:
    """Everything at once, each in a thread."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def parts_of(address: str) -> dict[str, float]:
    """Seconds that the server has spent so far on tokens, in the queue and in model calls, and the calls."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    wanted = {f"te_request_{part}_duration_sum": part for part in PARTS}
    values = (line.rsplit(" ", 1) for line in lines)
    return {wanted[name]: float(value) for name, value in values if name in wanted}


def table(model: Path, requests: list[Request], clients: int, seconds: float, workers: int) -> str:
    """Everything measured, as Markdown."""
    own = offline(model, requests, workers)
    bodies = [body_of(request) for request in requests]
    with server(model, "--workers", str(workers)) as address:
        one_by_one(address, bodies, 0.0)
        before = parts_of(address)
        alone = one_by_one(address, bodies, seconds)
        after = parts_of(address)
        full, served = at_once(address, bodies, clients, seconds)
        even, random = (at_rate(address, bodies, served / 2, seconds, how) for how in (False, True))
    per_request = {part: (after[part] - before[part]) / (len(alone) + WARM_UP) for part in PARTS}
    rows = [*_rows(own, alone, per_request), *_loads(own, alone, full, served * len(requests[0]), clients)]
    unloaded = float(np.median(alone))
    for name, found in (("equal", even), ("random", random)):
        rows.append((f"at half load, {name} gaps, median / p99 ms", _quantiles(found)))
        rows.append(("p99 over unloaded", f"{np.quantile(found, 0.99) / unloaded:.1f}"))
    if own.apart:
        rows += _known(model, bodies, clients, seconds, workers, len(requests[0]))
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""])


def _rows(own: Offline, alone: list[float], parts: dict[str, float]) -> Iterator[tuple[str, str]]:
    unloaded = float(np.median(alone))
    yield "offline, pairs/s", f"{own.rate:,.1f}"
    yield "the model alone, one request, all threads, ms", f"{1000 * own.alone:,.1f}"
    yield "the model alone, threads of a server's call, ms", f"{1000 * own.share:,.1f}"
    yield "unloaded, median / p99 ms", _quantiles(alone)
    yield "overhead, ms", f"{1000 * (unloaded - own.share):,.1f}"
    yield "of the mean latency, ms", f"{1000 * float(np.mean(alone)):,.1f}"
    for part, value in parts.items():
        yield f"… {part}", f"{1000 * value:,.1f}"
    yield "… the rest", f"{1000 * (float(np.mean(alone)) - sum(parts.values())):,.1f}"


def _loads(
    own: Offline, alone: list[float], full: list[float], rate: float, clients: int
) -> Iterator[tuple[str, str]]:
    yield f"server with {clients} clients, pairs/s", f"{rate:,.1f}"
    yield "of offline", f"{rate / own.rate:.0%}"
    yield f"with {clients} clients, median / p99 ms", _quantiles(full)


def _known(
    model: Path, bodies: list[bytes], clients: int, seconds: float, workers: int, items: int
) -> Iterator[tuple[str, str]]:
    """The same requests with every reading kept: each text has been asked of before."""
    with server(model, "--workers", str(workers), "--readings-mib", "64") as address:
        client = Client(address)
        for body in bodies:
            client.ask(body)
        alone = one_by_one(address, bodies, seconds / 2)
        _, served = at_once(address, bodies, clients, seconds / 2)
    yield "readings kept: unloaded, median / p99 ms", _quantiles(alone)
    yield f"readings kept: server with {clients} clients, pairs/s", f"{served * items:,.1f}"


def _quantiles(found: list[float]) -> str:
    return " / ".join(f"{1000 * value:,.1f}" for value in np.quantile(found, [0.5, 0.99]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="pairs, as darl predict reads them")
    parser.add_argument("--items", type=int, default=20, help="documents of a request")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the three loads")
    parser.add_argument("--workers", type=int, default=2, help="model calls at a time, as of darl serve")
    parser.add_argument("--out", type=Path, help="where the table goes, beside the screen")
    options = parser.parse_args()
    fields = template_fields(read_card(options.model).model.prompt)
    requests = requests_of(read_pairs(options.data, item_fields=fields), options.items)
    found = table(options.model, requests, options.clients, options.seconds, options.workers)
    print(found)
    if options.out is not None:
        options.out.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
