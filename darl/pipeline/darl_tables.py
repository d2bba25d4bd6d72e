"""The tables of a study of DaRL that page and terminal share."""

from __future__ import annotations

from collections.abc import Sequence

from darl.evaluation.numerals import MISSING, number, signed
from darl.evaluation.rows import GAP, IN_DIST
from darl.pipeline.darl_recipes import RANDOM
from darl.pipeline.darl_rows import OOD_GAP, Result, Share
from darl.pipeline.darl_verdicts import Check, Earned
from darl.pipeline.study import OOD
from darl.pipeline.study_page import difference, spread


def main_rows(found: Sequence[Result], metric: str) -> tuple[list[str], list[list[str]]]:
    """Headers, and a row for each rival: labels, the metric on every slice, and what is closed."""
    own = [one for one in found if one.metric == metric and one.slice in places_of(found)]
    places = list(dict.fromkeys(one.slice for one in own))
    at = {(one.rival, one.slice): one for one in own}
    rows = []
    for rival in dict.fromkeys(one.rival for one in own):
        here = [at[rival, place] for place in places]
        share = at[rival, OOD].closed
        rows.append([rival, f"{here[0].labels:,}", *map(_short, here), _short_share(share)])
    return ["rival", "labels", *map(heading, places), "closed"], rows


def check_rows(found: Sequence[Check]) -> list[list[str]]:
    """A row for each thing that must be reached."""
    return [[one.asked, one.answer, one.told] for one in found]


def earned_rows(found: Sequence[Earned], metric: str) -> list[list[str]]:
    """A row for each part: the recipe less the one without it, in distribution and out of it."""
    cells = [
        [one.gains[place, metric] for place in (IN_DIST, OOD) if (place, metric) in one.gains]
        for one in found
    ]
    return [
        [
            part.part,
            *(difference(one.value, one.low, one.high, one.mark).replace("**", "") for one in row),
            part.words,
        ]
        for part, row in zip(found, cells, strict=True)
    ]


def places_of(found: Sequence[Result]) -> list[str]:
    """The slices of the tables: all, but of the gaps that to all OOD slices alone."""
    return [
        row for row in dict.fromkeys(one.slice for one in found) if row == OOD_GAP or not row.startswith(GAP)
    ]


def heading(place: str) -> str:
    """A slice as the head of a column."""
    return f"gap ({IN_DIST} less {OOD})" if place == OOD_GAP else place


def _short(row: Result) -> str:
    less = row.less.get(RANDOM)
    return number(row.value) + (f" ({signed(less.value)}{less.mark})" if less else "")


def _short_share(share: Share | None) -> str:
    if share is None:
        return MISSING
    return share.reason if share.value is None else spread(share.value, share.low, share.high)
