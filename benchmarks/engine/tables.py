"""Markdown tables of the results."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.engine.contenders import CE_BEST, CE_DEFAULT
from benchmarks.engine.stats import Spread, ratios, spread

NOTHING = "-"


def number(value: float) -> str:
    """Three digits that matter, at most two behind the point.

    >>> number(1234.5), number(56.78), number(3.14159), number(0.0123)
    ('1,234', '56.8', '3.14', '0.0123')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def cell(found: Spread) -> str:
    """Median [least..greatest]; the median alone where they are one."""
    if found.low == found.high:
        return number(found.median)
    return f"{number(found.median)} [{number(found.low)}..{number(found.high)}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def ratio_cell(seconds: dict[str, list[float]], name: str, base: str) -> str:
    """How many times as fast as `base`, or nothing where that did not run."""
    return cell(spread(ratios(seconds, name, base))) if base in seconds else NOTHING


def peak_of(section: dict[str, Any], dtype: str) -> float | None:
    """G operations a second of a number type around a section: the median of what was measured."""
    values = [peak[dtype]["median"] for peak in section["peaks"] if dtype in peak]
    return statistics.median(values) if values else None


def share_cell(section: dict[str, Any], rate: float, dtype: str) -> str:
    """A rate (G operations a second) as a share of the machine's."""
    top = peak_of(section, dtype)
    return f"{rate / top:.0%}" if top else NOTHING


def set_table(section: dict[str, Any], name: str) -> str:
    """One rerank set: a row a contender."""
    result = section["result"]
    one = result["sets"][name]
    seconds, work = one["seconds"], one["work"]
    rows = []
    for contender, times in seconds.items():
        useful = work["flop"] / statistics.median(times) / 1e9
        near = one["agreement"].get(contender)
        rows.append(
            (
                contender,
                cell(spread([time * 1000 for time in times])),
                cell(spread([work["pairs"] / time for time in times])),
                ratio_cell(seconds, contender, CE_BEST),
                ratio_cell(seconds, contender, CE_DEFAULT),
                number(useful),
                share_cell(section, useful, result["contenders"][contender]["dtype"]),
                f"{near['largest']:.2g}" if near else NOTHING,
            )
        )
    head = ("contender", "ms", "pairs/s", f"x {CE_BEST}", f"x {CE_DEFAULT}")
    return table(
        (*head, "useful GFLOP/s", "of the machine's", "largest difference in grade"),
        rows,
    )


def peak_table(sections: dict[str, Any]) -> str:
    """The machine's rate before and after each section, by number type."""
    kinds = list(dict.fromkeys(kind for one in sections.values() for peak in one["peaks"] for kind in peak))
    rows = [
        (f"{when} {name}", *(number(peak[kind]["median"]) if kind in peak else NOTHING for kind in kinds))
        for name, one in sections.items()
        for when, peak in zip(("before", "after"), one["peaks"], strict=True)
    ]
    return table(("G operations/s", *kinds), rows)


def search_table(section: dict[str, Any]) -> str:
    """Everything that was tried; what was chosen is bold."""
    chosen = section["result"]["chosen"]
    rows = []
    for one in section["result"]["tried"]:
        settings = ", ".join(f"{key} {value}" for key, value in one["settings"].items())
        mark = "**" if chosen[one["name"]] == one["settings"] else ""
        rate = number(one["pairs_per_s"]) + (" (probe)" if one["probe_only"] else "")
        rows.append((one["name"], settings, f"{mark}{rate}{mark}"))
    return table(("rival", "settings", "pairs/s"), rows)


def training_table(section: dict[str, Any], rivals: Sequence[str]) -> str:
    """A row a way; beside the faster rival, and the one with the less loss, of each seed."""
    result = section["result"]
    seconds = {name: [one["seconds"] for one in found] for name, found in result["outcomes"].items()}
    losses = {name: [one["valid_loss"] for one in found] for name, found in result["outcomes"].items()}
    best = [min(times) for times in zip(*(seconds[name] for name in rivals), strict=True)]
    least = [min(values) for values in zip(*(losses[name] for name in rivals), strict=True)]
    rows = [
        (
            name,
            cell(spread(seconds[name])),
            cell(spread([result["pairs"] / time for time in seconds[name]])),
            cell(spread([other / time for other, time in zip(best, seconds[name], strict=True)])),
            cell(spread(losses[name])),
            ", ".join(f"{own - other:+.3f}" for own, other in zip(losses[name], least, strict=True)),
            f"{found[0]['trained']:,}",
        )
        for name, found in result["outcomes"].items()
    ]
    head = (
        *("way", "s an epoch", "pairs/s", "x faster Trainer", "validation loss"),
        *("less the better Trainer's, by seed", "trained weights"),
    )
    return table(head, rows)


def cold_table(section: dict[str, Any]) -> str:
    """Seconds of each command."""
    rows = [(name, cell(spread(times))) for name, times in section["result"]["seconds"].items()]
    return table(("command", "s"), rows)


def memory_table(section: dict[str, Any]) -> str:
    """Peaks of each contender's process."""
    found = section["result"]["memory"]
    steps = list(dict.fromkeys(step for one in found.values() for step in one["peak_bytes"]))
    rows = [
        (name, *(f"{one['peak_bytes'][step] / 2**20:,.0f}" for step in steps)) for name, one in found.items()
    ]
    return table(("peak MiB, up to", *steps), rows)


def growth_table(section: dict[str, Any]) -> str:
    """Pairs a second at every point, and darl's ratio to the rival."""
    result = section["result"]
    names = list(result["contenders"])
    rows = []
    for point in result["points"]:
        seconds, pairs = point["seconds"], point["work"]["pairs"]
        rates = [cell(spread([pairs / time for time in seconds[name]])) for name in names]
        others = [ratio_cell(seconds, name, CE_BEST) for name in names if name != CE_BEST]
        rows.append((str(point["at"]), f"{point['work']['distinct'] / pairs:.1f}", *rates, *others))
    heads = [f"{name}, pairs/s" for name in names] + [f"{n} x {CE_BEST}" for n in names if n != CE_BEST]
    return table((result["axis"], "distinct tokens a pair", *heads), rows)


def pool_table(section: dict[str, Any]) -> str:
    """Seconds and memory of each pool."""
    rows = []
    for point in section["result"]["points"]:
        seconds = next(iter(point["seconds"].values()))[0]
        memory = f"{point['resident_bytes'] / 2**20:,.0f}"
        rows.append((f"{point['at']:,}", number(seconds), number(point["at"] / seconds), memory))
    return table(("pairs", "s", "pairs/s", "MiB in use"), rows)


def contenders_table(section: dict[str, Any]) -> str:
    """What each contender is."""
    return table(
        ("contender", "configuration"),
        [(name, one["description"]) for name, one in section["result"]["contenders"].items()],
    )
