"""Matplotlib figures as SVG that lives inside a page: themed by CSS, without fonts, the same every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darl.predictions import FloatArray

N_MODELS = 8
N_GRADES = 16
# Not triangles: they mark what is significant. One fewer than colours, so that 56 models differ.
MARKERS = ("o", "s", "D", "P", "X", "*", "h")
GLYPHS = "●■◆✚✖★⬢"

WIDTH, HEIGHT = 340, 235
LEFT, RIGHT, TOP, BOTTOM = 0.145, 0.975, 0.955, 0.165

# A figure is drawn once and read on a light or a dark page: it is drawn in stand-in colours, one for
# each variable of the style sheet, and they become the variables.
VARIABLES = (
    *("ink", "muted", "grid", "paper"),
    *(f"model-{i}" for i in range(N_MODELS)),
    *(f"grade-{i}" for i in range(N_GRADES)),
)


def colour(variable: str) -> str:
    """The stand-in colour of a variable of the style sheet.

    >>> colour("ink"), colour("muted")
    ('#010000', '#010001')
    """
    return f"#0100{VARIABLES.index(variable):02x}"


def model_colour(i: int) -> str:
    """The variable of the i-th model; the ninth begins again, with another marker."""
    return f"model-{i % N_MODELS}"


def model_marker(i: int) -> str:
    """The matplotlib marker of the i-th model."""
    return MARKERS[i % len(MARKERS)]


def model_glyph(i: int) -> str:
    """The i-th model's marker as a character, for legends."""
    return GLYPHS[i % len(GLYPHS)]


def grade_colour(i: int) -> str:
    """The variable of grade i."""
    return f"grade-{i % N_GRADES}"


RC: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": colour("ink"),
    "axes.labelcolor": colour("muted"),
    "axes.labelsize": 11,
    "axes.edgecolor": colour("grid"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": colour("grid"),
    "xtick.color": colour("grid"),
    "xtick.labelcolor": colour("ink"),
    "xtick.labelsize": 11,
    "ytick.color": colour("grid"),
    "ytick.labelcolor": colour("muted"),
    "ytick.labelsize": 11,
    "ytick.major.size": 0,
}


def draw(name: str, paint: Callable[[Figure], None], height: int = HEIGHT, width: int = WIDTH) -> str:
    """A figure as an <svg> element to put into a page.

    Args:
        name: Distinct within the page: ids inside the element begin with it.
        paint: Draws on an empty figure.
        height: Of the figure in CSS pixels.
        width: The same; 340 is to be read at that size on a phone.
    """
    with matplotlib.rc_context():
        # The reader's own matplotlibrc must not change a report.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**RC, "svg.hashsalt": name})
        figure = Figure(figsize=(width / 72, height / 72))
        paint(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return _embedded(name, buffer.getvalue())


def standalone(svg: str, label: str) -> str:
    """An <svg> element as a file of its own, in the colours of a light page.

    Args:
        svg: What `draw` gave.
        label: Its content in words, for those who do not see it.
    """
    root = ElementTree.fromstring(svg)
    left, top, width, height = root.attrib["viewBox"].split()
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "width": width,
        "height": height,
        "font-family": "Helvetica, Arial, sans-serif",
        "role": "img",
        "aria-label": label,
    }
    paper = {"x": left, "y": top, "width": width, "height": height, "style": "fill: var(--paper)"}
    root.insert(0, ElementTree.Element("rect", paper))
    colours = _light_colours()
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: colours[found[1]], text) + "\n"


@cache
def _light_colours() -> dict[str, str]:
    """The style sheet's variables on a light page, but for grades, whose colours depend on the scale."""
    sheet = files("darl.evaluation").joinpath("report.css.j2").read_text(encoding="utf-8")
    return dict(re.findall(r"--([a-z]+(?:-\d+)?): (#[0-9a-f]{6})", sheet.partition("{%")[0]))


def _embedded(name: str, text: str) -> str:
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): _value(name, key, value) for key, value in element.attrib.items()}
        element.text, element.tail = (element.text or "").strip() or None, None
        if element.tag == "g":
            # matplotlib names its groups the same in every figure.
            element.attrib.pop("id", None)
    root.attrib = {"viewBox": root.attrib["viewBox"], "aria-hidden": "true", "focusable": "false"}
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    """A tag or attribute without its namespace: inside HTML, SVG needs none."""
    return name.rpartition("}")[2]


def _value(name: str, key: str, value: str) -> str:
    """An attribute's value as the page needs it."""
    if key == "id":
        return f"{name}-{value}"
    if key == "style":
        value = re.sub(r"font-family:[^;]*;?", "", value)
        return re.sub(r"#0100([0-9a-f]{2})", lambda found: f"var(--{VARIABLES[int(found[1], 16)]})", value)
    return re.sub(r"^(url\(#|#)", rf"\g<1>{name}-", value)


def add_axes(figure: Figure, bottom: float = BOTTOM, top: float = TOP) -> Axes:
    """Axes at the usual margins; `bottom` and `top` are shares of the figure's height."""
    return figure.add_axes((LEFT, bottom, RIGHT - LEFT, top - bottom))


def steps(panel: Axes, edges: FloatArray, heights: FloatArray, variable: str, fill: float = 0.0) -> None:
    """A histogram as an outline.

    Args:
        panel: Where to draw.
        edges: (B + 1,) edges of the bins.
        heights: (B,) heights of the bars.
        variable: Colour, a variable of the style sheet.
        fill: Opacity of the area below the outline.
    """
    panel.stairs(heights, edges, color=colour(variable), linewidth=1.6)
    if fill:
        panel.stairs(heights, edges, color=colour(variable), alpha=fill, fill=True, linewidth=0)
