"""The ordered grades of relevance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darl.errors import ConfigError, UnknownGradeError


@dataclass(frozen=True)
class GradeScale:
    """Grade names from the least to the most relevant; index 0 is the least relevant.

    Args:
        names: At least two distinct, non-empty names.

    Raises:
        ConfigError: Fewer than two names, or a name that is empty or repeated.

    >>> scale = GradeScale(("irrelevant", "weak", "strong"))
    >>> scale.index("weak"), scale.index(2), scale.index("2"), scale.name(0), len(scale)
    (1, 2, 2, 'irrelevant', 3)
    """

    names: tuple[str, ...] = ("irrelevant", "weak", "strong")

    def __post_init__(self) -> None:
        faults = []
        if len(self.names) < 2:
            faults.append(f"expected at least 2 grade names, received {list(self.names)}")
        if len(set(self.names)) < len(self.names):
            faults.append(f"grade names must differ, received {list(self.names)}")
        if any(not name.strip() for name in self.names):
            faults.append(f"grade names must not be empty, received {list(self.names)}")
        if faults:
            raise ConfigError("grade scale", faults)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """The name of a grade index."""
        return self.names[self.index(index)]

    def index(self, grade: str | int | float) -> int:
        """The index of a grade given as its name, its index, or its index written as text.

        A name wins over an index, so that scales such as ("1", "2", "3") read as written.

        Raises:
            UnknownGradeError: The scale has no such grade.
        """
        if isinstance(grade, str) and grade.strip() in self.names:
            return self.names.index(grade.strip())
        if not isinstance(grade, bool):
            try:
                number = float(grade)
            except ValueError:
                number = -1.0
            if number.is_integer() and 0 <= number < len(self):
                return int(number)
        raise UnknownGradeError(
            f"unknown grade {grade!r}: expected one of {', '.join(self.names)} or 0..{len(self) - 1}"
        )


def middle_grade(ratings: Sequence[int]) -> int:
    """The grade that stands for several people's: their median, of two middle ones the lower.

    Where more than half of them agree, it is theirs.

    >>> middle_grade([2, 0]), middle_grade([0, 2, 1]), middle_grade([2, 0, 2])
    (0, 1, 2)
    """
    return sorted(ratings)[(len(ratings) - 1) // 2]
