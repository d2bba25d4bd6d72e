"""A finished run as a Markdown page for docs/results.

python benchmarks/results_page.py RUN_FOLDER COMMAND
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

METRICS = ("macro_f1", "qwk", "auc>=strong", "auc>=weak", "ndcg@10", "ece")


def cell(row: dict[str, Any], signed: bool = False) -> str:
    """A value with its interval; bold where a difference is significant."""
    if row["value"] is None:
        return "-"
    number = f"{row['value']:+.3f}" if signed else f"{row['value']:.3f}"
    if row["low"] is None:
        return number
    text = f"{number} [{row['low']:.3f}, {row['high']:.3f}]"
    return f"**{text}**" if signed and row["low"] * row["high"] > 0 else text


def table(report: dict[str, Any], metric: str) -> list[str]:
    """Every model on every slice, then the differences to the baseline."""
    lines = ["| model | labels | " + " | ".join(report["slices"]) + " |"]
    lines.append("|---|---|" + "---|" * len(report["slices"]))
    at = {(row["model"], row["slice"], row["metric"]): row for row in report["rows"]}
    apart = {(row["model"], row["slice"], row["metric"]): row for row in report["differences"]}
    for model, spent in report["labels"].items():
        labels = f"{spent['train']} + {spent['selected']}"
        cells = [cell(at[model, part, metric]) for part in report["slices"]]
        lines.append(f"| {model} | {labels} | " + " | ".join(cells) + " |")
        if model != report["baseline"]:
            cells = [cell(apart[model, part, metric], signed=True) for part in report["slices"]]
            lines.append(f"| {model} - {report['baseline']} | | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Print the page."""
    folder, command = Path(sys.argv[1]), sys.argv[2]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    machine = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    took = (folder / "report.json").stat().st_mtime - (folder / "data.sha256").stat().st_mtime
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    seeds = next(iter(report["seeds"].values()))
    print(f"```sh\n{command}\n```\n")
    print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['torch_threads']} torch thread(s); ",
        end="",
    )
    print(
        f"Python {machine['python']}, {packages}. {took / 60:.0f} minutes. Mean over {seeds} seed(s); ",
        end="",
    )
    print(f"{report['level']:.0%} intervals over {report['resamples']} resamples of queries.\n")
    for metric in METRICS:
        print(f"### {metric}\n\n" + "\n".join(table(report, metric)) + "\n")


if __name__ == "__main__":
    main()
