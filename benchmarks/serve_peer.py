"""The load of `benchmarks.serve` on a peer that is running already and gives embeddings as OpenAI's API does.

    infinity_emb v2 --model-id BACKBONE --engine torch --device cpu --port 7997
    python -m benchmarks.serve_peer 127.0.0.1:7997/embeddings --name BACKBONE --data shop/pool.jsonl

A request is the same query with the same items: as many texts to read, by the same encoder, as a model of
ours reads that reads query and item apart. What ours does beside that (compare, grade, detect, answer as a
reranker) the peer does not; what it does beside that is to write the vectors out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.serve import Request, at_once, at_rate, one_by_one, requests_of
from darl.data.readers import read_pairs


def body_of(request: Request, name: str) -> bytes:
    """All texts of a request."""
    texts = [request[0].query, *(pair.item for pair in request)]
    return json.dumps({"model": name, "input": texts}).encode()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="host:port/route")
    parser.add_argument("--name", required=True, help="of the model, as the peer knows it")
    parser.add_argument("--data", type=Path, required=True, help="pairs, as darl predict reads them")
    parser.add_argument("--items", type=int, default=20, help="documents of a request")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    options = parser.parse_args()
    requests = requests_of(read_pairs(options.data), options.items)
    bodies = [body_of(request, options.name) for request in requests]
    one_by_one(options.address, bodies, 0.0)
    alone = one_by_one(options.address, bodies, options.seconds)
    _, served = at_once(options.address, bodies, options.clients, options.seconds)
    even = at_rate(options.address, bodies, served / 2, options.seconds, random=False)
    for what, found in (("unloaded", alone), ("at half load, equal gaps", even)):
        middle, high = np.quantile(found, [0.5, 0.99])
        print(f"{what}, median / p99 ms: {1000 * middle:,.1f} / {1000 * high:,.1f}")
    print(f"{options.clients} clients, pairs/s: {served * options.items:,.1f}")


if __name__ == "__main__":
    main()
