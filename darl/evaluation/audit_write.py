"""An audit as files: all of it as JSON, and every row that it names as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from darl.data.duplicates import Filed
from darl.evaluation.audit import Audit, Balance, Suspects
from darl.files import write_text
from darl.grades import GradeScale
from darl.predictions import IntArray

DECIMALS = 6


def write_json(audit: Audit, path: Path) -> None:
    """Write the whole audit, whole or not at all; the same audit gives the same bytes.

    Args:
        audit: What was found.
        path: Where to.
    """
    text = json.dumps(as_dict(audit), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def as_dict(audit: Audit) -> dict[str, Any]:
    """The audit as JSON holds it: numbers to six decimals, null for what is undefined."""
    names = audit.scale.names
    return {
        "grades": list(names),
        "counts": audit.counts,
        "files": {name: _balance(of, names) for name, of in audit.files.items()},
        "domains": {
            name: {domain: _balance(of, names) for domain, of in domains.items()}
            for name, domains in audit.domains.items()
        },
        "compared": dict(audit.compared),
        "agreement": {
            name: {**found._asdict(), "unanimous": _real(found.unanimous), "alpha": _real(found.alpha)}
            for name, found in audit.agreement.items()
        },
        "conflicts": [[_row(row, audit.scale) for row in group.rows] for group in audit.conflicts],
        "leaks": [
            {"rows": [_row(row, audit.scale) for row in leak.rows], "pairs": leak.pairs}
            for leak in audit.leaks
        ],
        "near": [
            {
                "rows": [_row(near.first, audit.scale), _row(near.second, audit.scale)],
                "kind": near.kind,
                "apart": near.apart,
            }
            for near in audit.near
        ],
        "repeats": [[_row(row, audit.scale) for row in group.rows] for group in audit.repeats],
        "items": [{"files": list(files), "items": n} for files, n in audit.items.items()],
        "errors": None if audit.suspects is None else _errors(audit.suspects, audit.scale),
    }


def _balance(of: Balance, names: tuple[str, ...]) -> dict[str, Any]:
    return {**of._asdict(), "grades": dict(zip(names, of.grades, strict=True))}


def _row(row: Filed, scale: GradeScale) -> dict[str, Any]:
    pair, grade = row.pair, None if row.grade is None else scale.name(row.grade)
    place = {"file": row.file, "line": row.line}
    texts = {"query_id": pair.query_id, "query": pair.query, "item_id": pair.item_id, "item": pair.item}
    return {**place, **texts, "grade": grade}


def _errors(suspects: Suspects, scale: GradeScale) -> dict[str, Any]:
    errors = suspects.errors
    return {
        "how": suspects.how,
        "joint": np.round(errors.joint, DECIMALS).tolist(),
        "probable": int(errors.probable.sum()),
        "confident": int(errors.confident.sum()),
        "trial": None if suspects.trial is None else suspects.trial._asdict(),
        "pairs": list(_suspect_rows(suspects, suspects.order, scale)),
    }


def _suspect_rows(suspects: Suspects, chosen: IntArray, scale: GradeScale) -> Iterator[dict[str, Any]]:
    errors = suspects.errors
    for i in chosen:
        yield {
            **_row(suspects.rows[i], scale),
            "likelier": scale.name(int(errors.alternatives[i])),
            "error_prob": _real(float(errors.error_probs[i])),
            "distance": _real(float(errors.distances[i])),
            "confident": bool(errors.confident[i]),
        }


def _real(value: float) -> float | None:
    return None if np.isnan(value) else round(value, DECIMALS) + 0.0


def finding_rows(audit: Audit) -> Iterator[Mapping[str, Any]]:
    """Every row that a finding names, for a spreadsheet; probable errors last, the most suspect first.

    Each row has `finding` (conflict, leak, near, repeat, error), `number` (that rows of one finding share),
    file, line, ids, texts, grade and, of errors, `likelier`, `error_prob` and `distance`.
    """
    blank = {"likelier": None, "error_prob": None, "distance": None}
    found = (
        ("conflict", [group.rows for group in audit.conflicts]),
        ("leak", [leak.rows for leak in audit.leaks]),
        ("near", [(near.first, near.second) for near in audit.near]),
        ("repeat", [group.rows for group in audit.repeats]),
    )
    for kind, groups in found:
        for n, rows in enumerate(groups, start=1):
            for row in rows:
                yield {"finding": kind, "number": n, **_row(row, audit.scale), **blank}
    if audit.suspects is None:
        return
    wrong = _suspect_rows(audit.suspects, audit.suspects.probable, audit.scale)
    for n, one in enumerate(wrong, start=1):
        yield {"finding": "error", "number": n, **{key: one[key] for key in one if key != "confident"}}
