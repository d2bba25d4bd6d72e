"""Files from the web: streamed, resumed where the server allows it, checked, and whole or not there."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from darl.errors import DownloadError
from darl.files import CHUNK, sha256_of, write_text
from darl.progress import Progress, task

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
NETWORK_FAULTS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ssl.SSLError,
    TimeoutError,
    ConnectionError,
)


class _Interrupted(Exception):  # noqa: N818 - never leaves this file
    """An attempt that failed in a way that another may not."""


class _Part(NamedTuple):
    """A download that is under way: PATH.part and, beside it, what the server said it is a part of."""

    path: Path
    notes: Path

    @classmethod
    def of(cls, path: Path) -> _Part:
        return cls(path.with_name(path.name + ".part"), path.with_name(path.name + ".part.json"))

    def become(self, path: Path) -> None:
        """The part is the whole."""
        with self.path.open("rb+") as handle:
            os.fsync(handle.fileno())
        self.path.replace(path)
        self.remove()

    def remove(self) -> None:
        """Begin again."""
        self.path.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def known(self, url: str) -> dict[str, Any]:
        """What the notes say of this address; nothing where there is no part, or none of it."""
        try:
            notes = json.loads(self.notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) and notes.get("url") == url and self.path.is_file() else {}


def fetch(
    url: str,
    path: Path,
    *,
    sha256: str | None,
    progress: Progress,
    timeout: float = TIMEOUT_SECONDS,
    first_wait: float = FIRST_WAIT_SECONDS,
) -> Path:
    """Download `url` to `path`, unless it is there already.

    The bytes go to PATH.part, which a later call goes on with (HTTP Range and If-Range, RFC 9110); a server
    that ignores the range, or whose file has changed, is read from the start. A broken connection or a busy
    server is tried again, 4 attempts in all, after 1, 2 and 4 seconds.

    Args:
        url: An http or https address.
        path: Where the file shall be. One that is there is kept if its SHA-256 is right or unknown.
        sha256: The file's SHA-256, in hexadecimal; None where nobody knows it.
        progress: Is told of the bytes.
        timeout: Seconds without an answer that end an attempt.
        first_wait: Seconds before the second attempt; each further wait is twice as long.

    Raises:
        DownloadError: The address cannot be reached, refuses, or gives another file than `sha256` says.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise _refusal(url, path, "expected an http or https address")
    if path.is_file() and (sha256 is None or sha256_of(path) == sha256.lower()):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _complete(url, path, progress, timeout, first_wait, sha256)
    except OSError as error:
        raise _refusal(url, path, f"cannot write it: {error}") from error
    return path


def _complete(
    url: str, path: Path, progress: Progress, timeout: float, first_wait: float, sha256: str | None
) -> None:
    """Attempts until one is whole and right."""
    part = _Part.of(path)
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(first_wait * 2 ** (attempt - 1))
        try:
            resumed = _attempt(url, path, part, progress, timeout)
        except _Interrupted as error:
            fault = str(error)
            continue
        if not (fault := _checksum_fault(part.path, sha256)):
            part.become(path)
            return
        part.remove()
        if not resumed:
            break
        # What was joined may come from two versions of the file; the whole deserves one fresh look.
    raise _refusal(url, path, fault)


def _checksum_fault(path: Path, sha256: str | None) -> str:
    """Why the file is not the expected one; "" where it is, or where nobody knows."""
    received = sha256 and sha256_of(path)
    if not sha256 or received == sha256.lower():
        return ""
    return f"expected a file with SHA-256 {sha256.lower()}, received one with {received}"


def _attempt(url: str, path: Path, part: _Part, progress: Progress, timeout: float) -> bool:
    """Fetch what is missing; whether something was there before.

    Raises:
        _Interrupted: The connection broke, or the server asks for patience.
        DownloadError: The server refuses.
    """
    known = part.known(url)
    if known.get("total") and known["total"] == part.path.stat().st_size:
        return True
    request = urllib.request.Request(url, headers=_headers(part, known))
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise _refusal(url, path, "expected the file as it is, received it re-encoded")
            done = _offset(response, part, known)
            if not done:
                # The old bytes go first: a stop between the two must not leave them under the new notes.
                part.remove()
                write_text(part.notes, json.dumps(_notes(url, response)))
            _receive(response, part, done, path.name, progress)
            return done > 0
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.remove()
            raise _Interrupted("the part that was there is no part of this file") from error
        if error.code in AGAIN:
            raise _Interrupted(f"HTTP {error.code} {error.reason}") from error
        raise _refusal(url, path, f"HTTP {error.code} {error.reason}") from error
    except NETWORK_FAULTS as error:
        raise _Interrupted(f"{getattr(error, 'reason', error) or type(error).__name__}") from error


def _headers(part: _Part, known: Mapping[str, Any]) -> dict[str, str]:
    headers = {"User-Agent": "darl", "Accept-Encoding": "identity"}
    if known and (size := part.path.stat().st_size):
        headers["Range"] = f"bytes={size}-"
        if known.get("validator"):
            headers["If-Range"] = str(known["validator"])
    return headers


def _offset(response: Any, part: _Part, known: Mapping[str, Any]) -> int:  # noqa: ANN401 - urllib's own kind
    """Where the received bytes belong: behind the part, or (0) in its place."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    size = part.path.stat().st_size if known else 0
    expected = f"bytes {size}-"
    received = response.headers.get("Content-Range", "")
    total = received.rpartition("/")[2]
    if not received.startswith(expected) or (known.get("total") and total not in ("*", str(known["total"]))):
        part.remove()
        raise _Interrupted(f"expected a range that begins with {expected!r}, received {received!r}")
    return size


def _notes(url: str, response: Any) -> dict[str, Any]:  # noqa: ANN401
    """What a later call must know to go on: only a strong ETag, or a date, may stand in If-Range."""
    tag = response.headers.get("ETag", "")
    validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    return {"url": url, "validator": validator, "total": _length(response)}


def _length(response: Any) -> int:  # noqa: ANN401
    """The number of bytes that this answer holds; 0 where the server does not tell."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else 0


def _receive(response: Any, part: _Part, done: int, name: str, progress: Progress) -> None:  # noqa: ANN401
    length = _length(response)
    received = 0
    total = done + length if length else 0
    with part.path.open("ab" if done else "wb") as handle, task(progress, name, total, "B"):
        progress.advance(done)
        while chunk := _next_chunk(response):
            handle.write(chunk)
            received += len(chunk)
            progress.advance(len(chunk))
    if length and received < length:
        raise _Interrupted(f"expected {length:,} bytes, received {received:,} before the connection closed")


def _next_chunk(response: Any) -> bytes:  # noqa: ANN401
    chunk: bytes = response.read1(CHUNK)
    return chunk


def _refusal(url: str, path: Path, fault: str) -> DownloadError:
    return DownloadError(
        f"{url}: {fault}. If this goes on, get the file by hand, put it at {path} and run the command again"
    )
