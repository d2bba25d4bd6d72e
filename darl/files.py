"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 1 << 20
UMASK = os.umask(0)
"""What the process takes away from the rights of files that it makes; it can be read by setting it only."""
os.umask(UMASK)
OWNERS_ALONE = 0o600


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` (same suffixes) that becomes `path` when the block ends well.

    If the block raises, or the process dies, `path` is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        _settle(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends well, replacing it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        for part in temporary.rglob("*"):
            if part.is_file():
                _settle(part)
        if path.exists():
            # A folder cannot replace a folder that has files: the old one steps aside first.
            aside = path.with_name(f".{os.getpid()}.old.{path.name}")
            path.replace(aside)
            temporary.replace(path)
            shutil.rmtree(aside)
        else:
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _settle(path: Path) -> None:
    """To the disk, as a name must not outlive its content in a power cut; and with the usual rights.

    Libraries that write by a temporary file of their own (safetensors) leave it to its owner alone, and a
    model is read by others: a server has a user of its own.
    """
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
    rights = path.stat()
    if rights.st_nlink == 1 and rights.st_mode & 0o777 == OWNERS_ALONE:
        path.chmod(OWNERS_ALONE | 0o666 & ~UMASK)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_link(link: Path, target: Path) -> None:
    """Make `link` point at `target`, at once: whoever reads it finds the old target or the new one."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{os.getpid()}.{link.name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, link.parent), target_is_directory=target.is_dir())
    temporary.replace(link)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
