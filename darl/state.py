"""What a fitted member of a family has learnt, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError

State = dict[str, npt.NDArray[Any]]
WIDTHS = "widths"


def checked_state(
    owner: str, widths: str, forms: Mapping[str, str], state: Mapping[str, npt.NDArray[Any]]
) -> State:
    """Copies of the arrays that a fitted member asks for, under their own names, `WIDTHS` among them.

    Args:
        owner: The member's class; every name in `state` is that of an array behind "owner.".
        widths: A letter for each number in `WIDTHS`, as in "LKD": logits, grades and features.
        forms: By name, a dtype and the sizes of an array, as in "float64 G D". A letter of `widths` is that
            width; a number is itself; any other letter is a size that the arrays share, at least 1 where it
            is upper case.
        state: What to take them from.

    Raises:
        ShapeError: An array is missing, or too many, or is not of its form, or is not finite.
    """
    forms = {WIDTHS: f"int64 {len(widths)}", **forms}
    _check_names(owner, [f"{owner}.{name}" for name in forms], list(state))
    arrays = {name: np.array(state[f"{owner}.{name}"], order="C") for name in forms}
    _check_form(f"{owner}.{WIDTHS}", forms.pop(WIDTHS), arrays[WIDTHS], {})
    sizes = dict(zip(widths, arrays[WIDTHS].tolist(), strict=True))
    for name, form in forms.items():
        _check_form(f"{owner}.{name}", form, arrays[name], sizes)
    return arrays


def _check_names(owner: str, expected: list[str], received: list[str]) -> None:
    if set(expected) != set(received):
        raise ShapeError(
            f"{owner}: expected a state of {_listed(expected)}, received {_listed(received)}: "
            "give what state() of one of the same name and arguments gave"
        )


def _check_form(name: str, form: str, array: npt.NDArray[Any], sizes: dict[str, int]) -> None:
    """Raise where `array` is not of its form; sizes that it fixes are added to `sizes`."""
    dtype, *letters = form.split()
    known = [sizes.get(letter, letter) for letter in letters]
    fits = array.dtype == dtype and array.ndim == len(letters)
    for letter, size in zip(letters, array.shape, strict=False):
        wanted = int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
        fits = fits and size == wanted and (size > 0 or not letter.isupper())
    if not fits:
        raise ShapeError(
            f"{name}: expected {dtype} ({', '.join(map(str, known))}), received {array.dtype} {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ShapeError(f"{name}: expected finite numbers, received NaN or infinity")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
