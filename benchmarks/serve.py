"""What the server adds to the model: throughput, latency and overhead beside the engine's own offline rate.

    python -m benchmarks.serve runs/first/model --data shop/pool.jsonl
    python -m benchmarks.serve runs/first/model --data shop/pool.jsonl --seconds 60 --clients 32

The server is a process of its own, the load comes from this one, and the offline rate is of the same pairs in
the same run. Three loads: one request after the other; as many clients at once as are asked for; and requests
that come at random (exponential gaps) at half the rate that the server kept up with before.
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
from urllib.parse import urlsplit

import numpy as np

from darl.data.readers import read_pairs
from darl.models.checkpoint import load_model, read_card
from darl.models.prompt import template_fields
from darl.pairs import Pair

Request = list[Pair]
WARM_UP = 3
TIMEOUT_SECONDS = 300.0


def requests_of(pairs: list[Pair], items: int) -> list[Request]:
    """Requests of `items` pairs of one query each; a query's items are repeated where it has fewer."""
    by_query: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_query.setdefault(pair.query, []).append(pair)
    return [list(itertools.islice(itertools.cycle(some), items)) for some in by_query.values()]


def body_of(request: Request) -> bytes:
    """A request as Cohere's clients send it."""
    documents = [{"text": pair.item, **dict(pair.fields)} for pair in request]
    return json.dumps({"query": request[0].query, "documents": documents}).encode()


def seconds_of(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def offline(model: Path, requests: list[Request]) -> tuple[float, float]:
    """Pairs a second of all requests in one call, and median seconds of one request by itself."""
    loaded = load_model(model)
    loaded.predict(requests[0])
    everything = [pair for request in requests for pair in request]
    rate = len(everything) / seconds_of(lambda: loaded.predict(everything))
    alone = [seconds_of(lambda request=request: loaded.predict(request)) for request in requests[:30]]
    return rate, float(np.median(alone))


@contextmanager
def server(model: Path) -> Iterator[str]:
    """A server in a process of its own; its host and port."""
    command = [sys.executable, "-m", "darl", "serve", str(model), "--port", "0", "--queue-pairs", "20000"]
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
    """One connection that asks and waits."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)

    def ask(self, body: bytes) -> float:
        """Seconds to the whole answer."""
        began = time.perf_counter()
        self._connection.request("POST", "/v2/rerank", body, {"Content-Type": "application/json"})
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
    """Latencies of many such clients, and requests a second."""
    found: list[float] = []
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        client = Client(address)
        for body in itertools.cycle(bodies[number:] + bodies[:number]):
            if time.perf_counter() > end:
                return
            found.append(client.ask(body))

    took = seconds_of(
        lambda: run([lambda number=number: work(number % len(bodies)) for number in range(clients)])
    )
    return found, len(found) / took


def at_random(address: str, bodies: list[bytes], rate: float, seconds: float) -> list[float]:
    """Latencies, from the moment a request is due, of requests that come at random at a rate."""
    gaps = np.random.default_rng(0).exponential(1 / rate, size=max(1, round(rate * seconds)))
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


def table(model: Path, requests: list[Request], clients: int, seconds: float) -> str:
    """Everything measured, as Markdown."""
    rate, own = offline(model, requests)
    items, bodies = len(requests[0]), [body_of(request) for request in requests]
    with server(model) as address:
        alone = one_by_one(address, bodies, seconds)
        full, served = at_once(address, bodies, clients, seconds)
        half = at_random(address, bodies, served / 2, seconds)
    unloaded = float(np.median(alone))
    rows = [
        ("offline, pairs/s", f"{rate:,.1f}"),
        (f"server with {clients} clients, pairs/s", f"{served * items:,.1f}"),
        ("of offline", f"{served * items / rate:.0%}"),
        (f"the model alone, 1 x {items}, ms", f"{1000 * own:,.1f}"),
        (f"unloaded, 1 x {items}, median ms", f"{1000 * unloaded:,.1f}"),
        ("overhead, ms", f"{1000 * (unloaded - own):,.1f}"),
        (f"with {clients} clients, median / p99 ms", _quantiles(full)),
        ("at half load, median / p99 ms", _quantiles(half)),
        ("p99 at half load over unloaded", f"{np.quantile(half, 0.99) / unloaded:.1f}"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""])


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
    parser.add_argument("--out", type=Path, help="where the table goes, beside the screen")
    options = parser.parse_args()
    fields = template_fields(read_card(options.model).model.prompt)
    requests = requests_of(read_pairs(options.data, item_fields=fields), options.items)
    found = table(options.model, requests, options.clients, options.seconds)
    print(found)
    if options.out is not None:
        options.out.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
