"""How many planted errors an audit finds: its order of suspects beside those of confident learning.

    pip install cleanlab
    python -m benchmarks.label_errors chorus=chorus.jsonl.gz esci=esci.jsonl.gz --out out

Of a graded file a share of the grades is changed, to any other grade or to a neighbouring one. The witness of
`darl data audit` (a regression on a frozen encoder, fitted on other queries) sees the changed grades; its
probabilities are the same for all rankings. Told is the average precision of each ranking, and the precision
of its first n, n being the number of planted errors. What was wrong in the file before counts as right here,
so that no ranking can reach 1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from darl.data.readers import read_graded_pairs
from darl.evaluation.label_errors import find_label_errors
from darl.files import write_text
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.pipeline.study_page import table
from darl.pipeline.witness import CrossFit
from darl.predictions import FloatArray, IntArray

KINDS = ("any", "neighbour")
SCALE = GradeScale()


class Found(NamedTuple):
    """What one ranking found.

    Attributes:
        file: The graded file.
        kind: To which grades the planted errors were changed.
        seed: Of the draw.
        ranking: Whose order.
        average_precision: Of the planted errors.
        precision: Of the first n, where n errors were planted.
    """

    file: str
    kind: str
    seed: int
    ranking: str
    average_precision: float
    precision: float


def plant(
    grades: IntArray, share: float, kind: str, rng: np.random.Generator
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Grades of which a share is wrong, and which of them are.

    Args:
        grades: (N,) right ones.
        share: Of pairs to change.
        kind: "any" other grade, or a "neighbour".
        rng: Draws.
    """
    n_grades = len(SCALE)
    wrong = np.zeros(len(grades), dtype=np.bool_)
    wrong[rng.permutation(len(grades))[: round(share * len(grades))]] = True
    moved = (grades + rng.integers(1, n_grades, len(grades))) % n_grades
    if kind == "neighbour":
        steps = rng.choice([-1, 1], len(grades))
        moved = np.where((grades + steps < 0) | (grades + steps >= n_grades), grades - steps, grades + steps)
    return np.where(wrong, moved, grades), wrong


def rankings(probs: FloatArray, grades: IntArray) -> dict[str, FloatArray]:
    """(N,) how suspect each grade is, by each ranking; larger is more."""
    probs = probs.astype(np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    found = {"darl data audit": find_label_errors(probs, grades).error_probs}
    found["least probable grade"] = 1 - probs[np.arange(len(grades)), grades]
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        return found
    for method in ("self_confidence", "normalized_margin"):
        adjusts = (False, True) if method == "self_confidence" else (True,)
        for adjust in adjusts:
            quality = get_label_quality_scores(grades, probs, method=method, adjust_pred_probs=adjust)
            found[f"cleanlab, {method}{', adjusted' if adjust else ''}"] = -quality
    return found


def study(file: str, graded: list[GradedPair], share: float, seeds: int) -> Iterator[Found]:
    """Every ranking of every draw."""
    right = np.array([one.grade for one in graded], dtype=np.int64)
    testimony = CrossFit().hear([one.pair for one in graded], SCALE)
    for kind in KINDS:
        for seed in range(seeds):
            grades, wrong = plant(right, share, kind, np.random.default_rng(seed))
            for name, suspicion in rankings(testimony(grades), grades).items():
                first = np.argsort(-suspicion, kind="stable")[: wrong.sum()]
                precision = float(average_precision_score(wrong, suspicion))
                yield Found(file, kind, seed, name, precision, float(wrong[first].mean()))


def page(found: list[Found], seeds: int) -> str:
    """Means over draws, and the range of the differences to the audit, draw by draw."""
    parts = []
    for kind in KINDS:
        of = [one for one in found if one.kind == kind]
        files = list(dict.fromkeys(one.file for one in of))
        at: Mapping[tuple[str, str, int], Found] = {(one.file, one.ranking, one.seed): one for one in of}
        rows = []
        for name in dict.fromkeys(one.ranking for one in of):
            cells = [name]
            for file in files:
                own = [at[file, name, seed].average_precision for seed in range(seeds)]
                base = [at[file, of[0].ranking, seed].average_precision for seed in range(seeds)]
                less = np.subtract(own, base)
                told = "" if name == of[0].ranking else f" ({less.min():+.3f} to {less.max():+.3f})"
                top = np.mean([at[file, name, seed].precision for seed in range(seeds)])
                cells.append(f"{np.mean(own):.3f}{told}; {top:.2f}")
            rows.append(cells)
        parts += [f"Errors to {'a neighbouring' if kind == 'neighbour' else 'any other'} grade:"]
        parts += [table(["ranking", *files], rows)]
    return "\n\n".join(parts)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found: list[Found] = []
    for one in options.files:
        name, _, path = one.partition("=")
        found += study(name, list(read_graded_pairs(path, SCALE)), options.share, options.seeds)
    lines = [json.dumps(one._asdict()) for one in found]
    write_text(options.out / "label-errors.jsonl", "".join(line + "\n" for line in lines))
    told = page(found, options.seeds)
    write_text(options.out / "label-errors.md", told + "\n")
    print(told)


if __name__ == "__main__":
    main()
