"""Who may ask."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from fastapi import Request
from pydantic import SecretStr

from darl.serve.errors import ForbiddenError, UnauthorizedError

CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Keyring:
    """Keys that are known, by their digests.

    Args:
        keys: Any of them will do.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._digests = tuple(_digest(key.get_secret_value()) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def knows(self, key: str) -> bool:
        """Whether it is one of them; how long that takes does not tell how much of one was right."""
        digest = _digest(key)
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def key_of(request: Request) -> str:
    """What came as `Authorization: Bearer KEY` or `X-API-Key: KEY`; "" where nothing did."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def may_ask(request: Request) -> None:
    """Let through whoever has a key, and everybody where there are none.

    Raises:
        UnauthorizedError: No key, or none that is known.
    """
    if request.app.state.keys:
        _check(request, request.app.state.keys, request.app.state.admin_keys)


def may_change(request: Request) -> None:
    """Let through whoever has an admin key.

    Raises:
        ForbiddenError: This server has none.
        UnauthorizedError: No key, or not such a one.
    """
    if not request.app.state.admin_keys:
        raise ForbiddenError("this server has no admin keys, so nobody may: start it with --admin-keys FILE")
    _check(request, request.app.state.admin_keys)


def _check(request: Request, *rings: Keyring) -> None:
    key = key_of(request)
    if not key:
        told = "no key: expected the header 'Authorization: Bearer KEY'"
        raise UnauthorizedError(told, headers=CHALLENGE)
    if not any(ring.knows(key) for ring in rings):
        raise UnauthorizedError("this key is not known", headers=CHALLENGE)
