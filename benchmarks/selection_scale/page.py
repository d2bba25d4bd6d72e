"""The results as a page."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

GOAL_SECONDS, GOAL_BYTES = 60.0, 4 * 2**30
KNOWN_FIRST = {"detector": "Detectors in memory", "strategy": "Strategies in memory", "stream": "Streamed"}

METHOD = """\
Each measurement is the only one of a process of its own, once. Pools are made, from a seed
(`benchmarks/selection_scale/made.py`): features are a common mean, a topic of 150, a query of 20 pairs, and
noise of a falling spectrum, in float16; 15 % of the queries are of topics that training has not seen, 1 % are
junk. Detectors are fitted on 4,000 training pairs; strategies get the scores of `knn`, and choose with their
default arguments. GiB are the most memory that the process held (VmHWM), pool, libraries and all."""

WHAT = {
    "detector": "Seconds of the fit, and of the scores of all pairs.",
    "strategy": "Seconds from arrays to the chosen indices, the check of the arrays among them.",
    "stream": (
        "From a folder as `darl predict --features` writes it to the rows of `darl select`: the fit, "
        "reading, scoring, choosing, clusters and nearest training pairs, all in the seconds. `dasa` reads "
        "no features, and chooses among all pairs; `ood_band` among a million at most."
    ),
}


def render(rows: list[Row], command: str, name: str) -> str:
    """The page for the rows of a results file.

    Args:
        rows: Of `Rows`.
        command: The one that was typed last.
        name: Stem of the files beside it, for the figure.
    """
    parts = ["# Detection and selection at scale", f"```sh\n{command}\n```", _machine(rows), _warnings(rows)]
    parts += [METHOD, _goal(rows), f"![Seconds against pairs]({name}.svg)"]
    for kind, title in KNOWN_FIRST.items():
        some = [row for row in rows if row["kind"] == kind]
        if some:
            parts += [f"## {title}", WHAT[kind], _table(some)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _machine(rows: list[Row]) -> str:
    lines = dict.fromkeys(_described(row["machine"]) for row in rows)
    widths = sorted({f"{row['width']} features" for row in rows})
    budgets = sorted({f"{row['budget']} to choose" for row in rows})
    return "\n".join([*lines, f"{', '.join(widths)}; {', '.join(budgets)}."]) if rows else ""


def _described(machine: Row) -> str:
    versions = {
        name: value for name, value in machine.items() if name not in ("processor", "cores", "threads")
    }
    told = ", ".join(f"{name} {value}" for name, value in versions.items())
    return f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads; {told}."


def _warnings(rows: list[Row]) -> str:
    lines = []
    if len({_described(row["machine"]) for row in rows}) > 1:
        lines.append("**Not all numbers are of one machine.**")
    if len({row["source"] for row in rows}) > 1:
        lines.append("**Not all numbers are of one version of darl's code.**")
    return "\n\n".join(lines)


def _goal(rows: list[Row]) -> str:
    """Whether a million pairs in memory keep to the time and the memory that they are allowed."""
    largest = max((row["pairs"] for row in rows if row["kind"] != "stream"), default=0)
    some = [row for row in rows if row["kind"] != "stream" and row["pairs"] == largest]
    over = [f"`{row['name']}` ({_cell(row)})" for row in some if not _keeps(row)]
    if not some:
        return ""
    head = f"Allowed for {largest:,} pairs in memory: {GOAL_SECONDS:.0f} s and {GOAL_BYTES / 2**30:.0f} GiB. "
    return head + _sums(some) + (f"Over it: {', '.join(over)}." if over else "Every row keeps to it.")


def _sums(rows: list[Row]) -> str:
    """Fit, scores and selection together, of the defaults and of what takes longest with them."""
    took = {(row["kind"], row["name"]): _total(row) for row in rows}
    knn, strategies = took.get(("detector", "knn")), [one for one in took if one[0] == "strategy"]
    if knn is None or not strategies:
        return ""
    slowest = max(strategies, key=lambda one: took[one])
    named = dict.fromkeys([("strategy", "dasa"), ("strategy", "ood_band"), slowest])
    sums = [f"with `{one[1]}` {knn + took[one]:,.1f} s" for one in named if one in took]
    return f"Fit, scores and selection of `knn` {' and '.join(sums)} together. "


def _keeps(row: Row) -> bool:
    return bool(_total(row) <= GOAL_SECONDS and row["peak_bytes"] <= GOAL_BYTES)


def _total(row: Row) -> float:
    return float(row["seconds"] + row.get("fit_s", 0.0))


def _table(rows: list[Row]) -> str:
    """A line a name, two columns a size."""
    columns = sorted({(row["pairs"], row["width"]) for row in rows})
    at = {(row["name"], row["pairs"], row["width"]): row for row in rows}
    several = len({width for _, width in columns}) > 1
    heads = [f"{pairs:,}" + (f" of {width}" if several else "") for pairs, width in columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(columns)]
    for name in dict.fromkeys(row["name"] for row in rows):
        cells = [_cell(at[name, *column]) if (name, *column) in at else "" for column in columns]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    fit = f"{row['fit_s']:.1f} + " if "fit_s" in row else ""
    return f"{fit}{row['seconds']:,.1f} s, {row['peak_bytes'] / 2**30:.2f} GiB"
