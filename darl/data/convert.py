"""A public corpus, as its owner publishes it, into the common format."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from darl.data.files import suffix_of
from darl.data.public import SCALE
from darl.data.writers import write_graded_pairs
from darl.errors import ConfigError
from darl.pairs import GradedPair
from darl.progress import SILENT, Progress

PUBLIC_READERS = ("esci", "qbqtc", "trec", "wands")


def convert(
    name: str,
    folder: Path,
    out: Path,
    *,
    options: Mapping[str, Any] | None = None,
    progress: Progress = SILENT,
) -> int:
    """Read the public corpus in `folder` and write it to `out`; the number of pairs.

    Args:
        name: One of `PUBLIC_READERS`.
        folder: Where the corpus's files are.
        out: The file to write, in the format of its suffix.
        options: Keyword arguments of the reader's `read`, such as {"locale": "es"} for esci.
        progress: Is told what was left out.

    Raises:
        ConfigError: An unknown corpus, option or suffix.
        DataError: The corpus's files are missing or at fault, or `out` cannot be written.
    """
    if name not in PUBLIC_READERS:
        raise ConfigError("convert", [f"expected one of {', '.join(PUBLIC_READERS)}, received {name!r}"])
    given = dict(options or {})
    if faults := _option_faults(name, given):
        raise ConfigError("convert", faults)
    suffix_of(out)
    return write_graded_pairs(out, _reader(name)(folder, **given, progress=progress), SCALE)


def reader_options(name: str) -> dict[str, Any]:
    """The options of a public corpus's reader, with their defaults."""
    parameters = inspect.signature(_reader(name)).parameters
    return {key: one.default for key, one in parameters.items() if key not in ("folder", "progress")}


def _option_faults(name: str, given: Mapping[str, Any]) -> list[str]:
    """Options that the reader has not, or whose value is of another kind than the default."""
    known = reader_options(name)
    faults = [
        f"{name} has no option {key!r}: expected {', '.join(known)}" for key in sorted(given.keys() - known)
    ]
    for key, value in given.items():
        default = known.get(key)
        if isinstance(default, str) and not isinstance(value, str):
            faults.append(f"{key}: expected a text, received {value!r}")
        elif isinstance(default, Mapping) and not isinstance(value, Mapping):
            faults.append(f"{key}: expected a mapping, received {value!r}")
        elif isinstance(default, tuple) and not _is_texts(value):
            faults.append(f"{key}: expected a list of texts, received {value!r}")
    return faults


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


def _reader(name: str) -> Callable[..., list[GradedPair]]:
    # Imported when asked for: ESCI needs pyarrow, which takes a noticeable part of a second to import.
    from darl.data import esci, qbqtc, trec, wands

    readers: dict[str, Callable[..., list[GradedPair]]] = {
        "esci": esci.read,
        "qbqtc": qbqtc.read,
        "trec": trec.read,
        "wands": wands.read,
    }
    return readers[name]
