"""What the readers of public corpora have in common: one scale, repeated judgements, what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from darl.errors import ConfigError, DataError, Fault
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.progress import Progress

SCALE = GradeScale(("irrelevant", "weak", "strong"))
IRRELEVANT, WEAK, STRONG = range(3)


def sources(folder: Path, names: Sequence[str], corpus: str) -> list[Path]:
    """The paths of the files that a public corpus consists of.

    Raises:
        DataError: Files that are not in the folder; all are named.
    """
    paths = [folder / name for name in names]
    how = (
        f"expected a file of the {corpus} corpus, received none: put it there (`darl data get` fetches some)"
    )
    if faults := [Fault(str(path), 0, "", how) for path in paths if not path.is_file()]:
        raise DataError(f"reading {corpus}", faults)
    return paths


def chosen(name: str, value: str, known: Iterable[str]) -> None:
    """Refuse a value that an option does not have.

    Raises:
        ConfigError: `value` is not among `known`.
    """
    if value not in (names := list(known)):
        raise ConfigError("options", [f"{name}: expected one of {', '.join(names)}, received {value!r}"])


class LeftOut:
    """Counts what a public corpus holds that cannot be used, so that nothing is dropped in silence."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def add(self, reason: str, n: int = 1) -> None:
        """`n` more for this reason."""
        self.reasons[reason] += n

    def tell(self, progress: Progress, corpus: str) -> None:
        """One message a reason."""
        for reason, n in self.reasons.items():
            if n:
                progress.message(f"{corpus}: {n:,} {reason}")


def settle(judgements: Iterable[GradedPair], left_out: LeftOut) -> list[GradedPair]:
    """One grade for each query-item pair: the most frequent of its judgements, of equals the lower.

    Args:
        judgements: Graded pairs, some judged more than once.
        left_out: Is told how many judgements were repeats and how many pairs were disputed.
    """
    first: dict[tuple[str, str], GradedPair] = {}
    repeated: dict[tuple[str, str], list[int]] = {}
    for one in judgements:
        key = (one.pair.query_id, one.pair.item_id)
        if (known := first.setdefault(key, one)) is not one:
            repeated.setdefault(key, [known.grade]).append(one.grade)
    grades = repeated.values()
    left_out.add("repeated judgements of a pair merged into one", sum(len(of) - 1 for of in grades))
    disputed = "pairs judged differently: the most frequent grade stands, of equals the lower"
    left_out.add(disputed, sum(len(set(of)) > 1 for of in grades))
    for key, of in repeated.items():
        first[key] = first[key]._replace(grade=_majority(of))
    return list(first.values())


def _majority(grades: list[int]) -> int:
    return min(set(grades), key=lambda grade: (-grades.count(grade), grade))
