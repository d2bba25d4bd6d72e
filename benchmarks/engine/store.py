"""The results file: a section is written when it is done, and only numbers of one machine stand together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import darl
from darl.errors import ConfigError
from darl.files import write_text

Section = dict[str, Any]


class Store:
    """Sections of one machine and one model.

    Args:
        path: The JSON file; it may be there already.
        machine: What machine.identity() says.
        subject: Model, device and number type.

    Raises:
        ConfigError: The file is of another machine, other versions or another subject.
    """

    def __init__(self, path: Path, machine: dict[str, Any], subject: dict[str, Any]) -> None:
        self.path = path
        self.content: dict[str, Any] = {"machine": machine, "subject": subject, "sections": {}}
        if path.exists():
            there = json.loads(path.read_text(encoding="utf-8"))
            faults = [
                f"{part}.{key}: the file has {there[part].get(key)!r}, this run {own.get(key)!r}"
                for part, own in (("machine", machine), ("subject", subject))
                for key in sorted({*there[part], *own})
                if there[part].get(key) != own.get(key)
            ]
            if faults:
                raise ConfigError(str(path), [*faults, "give another --name, or delete the file"])
            self.content["sections"] = there["sections"]

    @property
    def sections(self) -> dict[str, Section]:
        """Those that are done."""
        found: dict[str, Section] = self.content["sections"]
        return found

    def has(self, name: str, settings: dict[str, Any]) -> bool:
        """Whether the section is done with these settings."""
        return name in self.sections and self.sections[name]["settings"] == settings

    def save(self, name: str, section: Section) -> None:
        """Add a section, or put it in the place of an older one."""
        self.sections[name] = section | {"source": source_digest()}
        write_text(self.path, json.dumps(self.content, indent=1, allow_nan=False) + "\n")


def source_digest() -> str:
    """Identity of darl's code, so that a page can say whether all its numbers are of the same."""
    root = Path(darl.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
