"""The results as a page."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from benchmarks.engine import tables
from benchmarks.engine.stats import spread
from benchmarks.engine.training import GROUPED, TRAINER

Section = dict[str, Any]

METHOD = """\
Same weights, same texts, tokenisation included, in one process. Contenders take turns within a round
(A B C, B C A, ...); a cell is the median over the rounds with the least and the greatest in brackets, and a
ratio is taken within each round before the median. Every contender has scored a few pairs before it is
timed. "x" says how many times as fast.

Useful GFLOP/s counts 2 x weights of the decoder's layers for every distinct beginning of a text (a node of
the prefix tree of the set's tokens), once, for every contender alike: what nobody can do without, not what
each happens to do. Attention's own products are left out. The machine's rate is the median over a
transformer's matrix shapes in the contender's own number type, measured before and after the section. The
last column compares expected grades with those of the first contender: the rival's head has been given
darl's starting rows, so the two ought to be one model."""


def render(content: dict[str, Any], name: str) -> str:
    """The page for the content of a results file.

    Args:
        content: Of Store.
        name: Stem of the files beside it, for the figures.
    """
    sections = content["sections"]
    parts = [
        "# The engine beside its rivals",
        _commands(sections),
        _machine(content),
        _warnings(sections),
        METHOD,
    ]
    for key, (title, write) in WRITERS.items():
        if key in sections:
            parts += [f"## {title}", write(sections[key], f"{name}-{key}.svg")]
    parts += ["## The machine's own rate", tables.peak_table(sections)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(sections: dict[str, Section]) -> str:
    lines = dict.fromkeys(shlex.join(one["command"]) for one in sections.values())
    return "```sh\n" + "\n".join(lines) + "\n```"


def _machine(content: dict[str, Any]) -> str:
    machine, subject = content["machine"], content["subject"]
    flags = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in machine["flags"].items())
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items() if found)
    gpus = f" GPU: {', '.join(machine['gpus'])}, CUDA {machine['cuda']}." if machine["gpus"] else ""
    return (
        f"{subject['model']} on {subject['device']}, {subject['dtype']} unless a row says otherwise. "
        f"{machine['processor']} (family/model {machine['family_model']}), {machine['cores']} cores, "
        f"{machine['torch_threads']} torch threads; {flags}.{gpus} Python {machine['python']}, {packages}."
    )


def _warnings(sections: dict[str, Section]) -> str:
    lines = []
    if any(one["settings"]["quick"] for one in sections.values()):
        lines.append("**A smoke test (--quick): these numbers mean nothing.**")
    if len({one["source"] for one in sections.values()}) > 1:
        lines.append("**The sections were measured with different versions of darl's code.**")
    return "\n\n".join(lines)


def _search(section: Section, figure: str) -> str:
    return tables.search_table(section)


def _rerank(section: Section, figure: str) -> str:
    result = section["result"]
    same = result["same_texts"]
    head = (
        f"{same['identical']} of {same['compared']} texts of the last set are the same tokens for "
        f"CrossEncoder and darl. The decoder has {result['decoder_parameters']:,} weights in its layers."
    )
    parts = [tables.contenders_table(section), head]
    for name, one in result["sets"].items():
        work = one["work"]
        facts = (
            f"{work['pairs']} pairs, {work['tokens']:,} tokens, {work['distinct']:,} of them distinct, "
            f"{one['rounds']} round(s)."
        )
        parts += [f"### {name}", facts, tables.set_table(section, name)]
    return "\n\n".join(parts)


def _train(section: Section, figure: str) -> str:
    result = section["result"]
    training, adapter = result["training"], result["adapter"]
    before = tables.cell(spread(result["untrained_loss"]))
    text = (
        f"{result['pairs']} pairs, {training['epochs']} epoch, batch {training['batch_size']}, "
        f"lr {training['lr']:g}, warm-up {training['warmup']:g} of the steps, rank {adapter['rank']}, "
        f"alpha {adapter['alpha']:g}, seeds {result['seeds']}. The loss is the mean cross-entropy on "
        f"{result['valid_pairs']} pairs of other queries, {before} before training. The time is that of the "
        "epoch with tokenisation, without loading and validation; darl's includes its log and checkpoint, "
        "Trainer's writes nothing. Trainer's head starts from darl's rows; darl's has a bias besides."
    )
    return text + "\n\n" + tables.training_table(section, (TRAINER, GROUPED))


def _cold(section: Section, figure: str) -> str:
    text = "Wall time of the process; files are in the page cache after the first round."
    return text + "\n\n" + tables.cold_table(section)


def _memory(section: Section, figure: str) -> str:
    pairs = next(iter(section["result"]["memory"].values()))["pairs"]
    text = f"Each contender alone in a fresh process that scores {pairs} items of one query."
    return text + "\n\n" + tables.memory_table(section)


def _growth(section: Section, figure: str) -> str:
    rounds = f"{section['result']['rounds']} round(s) a point, contenders in turn."
    return f"{rounds}\n\n{tables.growth_table(section)}\n\n![]({figure})"


def _pool(section: Section, figure: str) -> str:
    result = section["result"]
    text = (
        f"darl with a tiny model (2 layers, 32 wide) and {result['items_a_query']} items a query, "
        f"{result['chunk']:,} pairs a call: what the work around the model costs."
    )
    return f"{text}\n\n{tables.pool_table(section)}\n\n![]({figure})"


WRITERS: dict[str, tuple[str, Callable[[Section, str], str]]] = {
    "rerank": ("Reranking", _rerank),
    "search": ("The rivals' best settings", _search),
    "train": ("Training", _train),
    "cold": ("Cold start", _cold),
    "memory": ("Memory", _memory),
    "items": ("Items a query", _growth),
    "length": ("Length of an item", _growth),
    "pool": ("Size of a pool", _pool),
}
