"""A small web server for tests of downloads: it can break off, refuse, forget ranges and change its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Site:
    """What the server has and how it behaves.

    Attributes:
        files: Path to content.
        etag: What identifies the content; "" for none.
        ranges: Whether it can send a part of a file.
        tells_length: Whether it sends Content-Length.
        wrong_range: Whether the part that it sends is said to begin one byte later than asked for.
        breaks: Bytes after which each of the next answers breaks off; None: it does not.
        statuses: Status codes with which it refuses the next requests.
        headers: Further headers of each answer.
        requests: The headers of each request so far.
    """

    files: dict[str, bytes]
    etag: str = '"1"'
    ranges: bool = True
    tells_length: bool = True
    wrong_range: bool = False
    breaks: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


class _Server(ThreadingHTTPServer):
    site: Site


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        site = self.server.site
        site.requests.append(dict(self.headers.items()))
        content = site.files.get(self.path.lstrip("/"))
        if site.statuses:
            self.send_error(site.statuses.pop(0))
        elif content is None:
            self.send_error(404)
        elif (start := self._start_of(content)) is None:
            self.send_error(416)
        else:
            self._send(content, start)

    def _start_of(self, content: bytes) -> int | None:
        """Where the answer begins; None where the range is beyond the file."""
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range", self.server.site.etag)
        if not self.server.site.ranges or asked is None or condition != self.server.site.etag:
            return 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return start if start < len(content) else None

    def _send(self, content: bytes, start: int) -> None:
        site, body = self.server.site, content[start:]
        headers = dict(site.headers)
        if start:
            told = start + 1 if site.wrong_range else start
            headers["Content-Range"] = f"bytes {told}-{len(content) - 1}/{len(content)}"
        if site.tells_length:
            headers["Content-Length"] = str(len(body))
        if site.etag:
            headers["ETag"] = site.etag
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: site.breaks.pop(0) if site.breaks else None])


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve a site on the loopback address until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.site = site
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
