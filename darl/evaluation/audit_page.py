"""An audit as one HTML page."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from darl.evaluation.audit import Audit
from darl.evaluation.audit_listing import listings, summary
from darl.evaluation.numerals import listed, percent
from darl.evaluation.page import Key, environment, ramps
from darl.evaluation.plots import Plot
from darl.evaluation.svg import colour, draw, grade_colour

PAGE_ROWS = 200
"""Of each list; the JSON has all."""

BAR = 34
"""Height of a file's bar, in pixels."""


def html(audit: Audit) -> str:
    """The audit as one HTML page: no script, nothing loaded from elsewhere."""
    names = audit.scale.names
    return (
        environment()
        .get_template("audit.html.j2")
        .render(
            files=listed([*audit.files]),
            compared=listed([*audit.compared]),
            summary=summary(audit),
            plot=balance_plot(audit),
            legend=[Key(grade_colour(i), "■", name) for i, name in enumerate(names)],
            listings=listings(audit, PAGE_ROWS),
            ramps=ramps(len(names)),
        )
    )


def balance_plot(audit: Audit) -> Plot:
    """The share of each grade in each file, side by side on a bar."""
    names = list(audit.files)
    shares = np.array([[n / max(of.pairs, 1) for n in of.grades] for of in audit.files.values()])

    def paint(figure: Figure) -> None:
        panel = figure.add_axes((0.02, 0.02, 0.96, 0.96))
        panel.set_axis_off()
        for bar, name in enumerate(names):
            left = 0.0
            for grade, share in enumerate(shares[bar]):
                panel.barh(-bar, share, 0.45, left, color=colour(grade_colour(grade)))
                left += share
            panel.text(0, 0.32 - bar, name, color=colour("muted"), va="bottom")
        panel.set(xlim=(0, 1), ylim=(-len(names) + 0.6, 0.75))

    spoken = [
        f"{name}: "
        + listed([f"{grade} {percent(share)}" for grade, share in zip(audit.scale.names, row, strict=True)])
        for name, row in zip(names, shares, strict=True)
    ]
    return Plot(
        "Share of each grade", draw("balance", paint, BAR + BAR * len(names)), "; ".join(spoken) + "."
    )
