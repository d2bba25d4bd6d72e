"""A model from the Hugging Face hub, or a mirror of it ($HF_ENDPOINT), in the hub's own shared cache."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from darl.errors import DownloadError
from darl.models.folder import checked, faults_of
from darl.models.watch import watched
from darl.progress import Progress

PART = r"[A-Za-z0-9][\w.-]*"
HUB_ID = re.compile(rf"(?P<repository>{PART}/{PART})(?:@(?P<revision>[\w./-]+))?")
ALLOWED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "LICENSE*")
# A second copy of the same weights, as some repositories keep one.
IGNORED = ("*/*.safetensors", "consolidated*.safetensors")


class HubId(NamedTuple):
    """A repository and, if one was asked for, its branch, tag or commit."""

    repository: str
    revision: str | None

    def __str__(self) -> str:
        return self.repository + (f"@{self.revision}" if self.revision else "")


def is_hub_id(name: str) -> bool:
    """Whether `name` is written as "org/name" or "org/name@revision".

    >>> is_hub_id("HuggingFaceTB/SmolLM2-360M"), is_hub_id("org/name@v1.0"), is_hub_id("./folder")
    (True, True, False)
    """
    return HUB_ID.fullmatch(name) is not None


def hub_id(name: str) -> HubId:
    """The parts of a name for which `is_hub_id` holds."""
    match = HUB_ID.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not org/name or org/name@revision")
    return HubId(match["repository"], match["revision"])


def snapshot(wanted: HubId, progress: Progress, trust_remote_code: bool) -> Path:
    """The folder of the hub's cache that holds `wanted`, fetched if it is not there or has changed.

    Python files are fetched only with `trust_remote_code`; pickled weights never.

    Raises:
        DownloadError: The hub cannot be reached, or does not give it.
        CheckpointError: It was fetched and is not a whole model.
    """
    patterns = [*ALLOWED, "*.py"] if trust_remote_code else [*ALLOWED]
    with _as_download_error(wanted), _no_bars():
        missing = _missing_bytes(wanted, patterns)
        watching = (
            watched(progress, f"fetch {wanted}", _storage(wanted), missing) if missing else nullcontext()
        )
        with watching:
            folder = _download(wanted, patterns)
    checked(folder)
    if not trust_remote_code and _has_own_code(folder):
        progress.message(
            f"{wanted} comes with code of its own, which darl neither fetches nor runs; "
            "read it on the hub first, then ask for it with trust_remote_code"
        )
    return folder


def is_cached(wanted: HubId) -> bool:
    """Whether the hub's cache holds a whole copy of `wanted`; asks nobody."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = _download(wanted, [*ALLOWED], local_files_only=True)
    except LocalEntryNotFoundError:
        return False
    return not faults_of(folder)


def _download(wanted: HubId, patterns: list[str], local_files_only: bool = False) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            wanted.repository,
            revision=wanted.revision,
            allow_patterns=patterns,
            ignore_patterns=list(IGNORED),
            local_files_only=local_files_only,
        )
    )


def _missing_bytes(wanted: HubId, patterns: list[str]) -> int:
    """How much would be fetched; 0 where the hub cannot be asked, as the download itself then says why."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError

    try:
        files = snapshot_download(
            wanted.repository,
            revision=wanted.revision,
            allow_patterns=patterns,
            ignore_patterns=list(IGNORED),
            dry_run=True,
        )
    except DryRunError:
        return 0
    return sum(file.file_size or 0 for file in files if file.will_download)


def _storage(wanted: HubId) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=wanted.repository, repo_type="model")


def _has_own_code(folder: Path) -> bool:
    return "auto_map" in json.loads((folder / "config.json").read_text("utf-8"))


@contextmanager
def _no_bars() -> Iterator[None]:
    """The hub's own progress bars are off: what is shown is the caller's choice."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    were_off = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not were_off:
            enable_progress_bars()


@contextmanager
def _as_download_error(wanted: HubId) -> Iterator[None]:
    # Which network library the hub's client uses, and so what it raises, has changed twice: anything that
    # goes wrong in there means that the model was not fetched.
    try:
        yield
    except Exception as error:
        raise DownloadError(f"{wanted} could not be fetched: {_advice(wanted, error)}\n  {error}") from error


def _advice(wanted: HubId, error: Exception) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    page = f"the page of {wanted.repository} on the hub"
    if isinstance(error, GatedRepoError):
        return f"it is gated; accept its licence on {page}, then set HF_TOKEN to a token of yours"
    if isinstance(error, RepositoryNotFoundError):
        return (
            "the hub has no such public model, and there is no folder of that name here; "
            "check the spelling, or set HF_TOKEN if it is private"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"it has no revision {wanted.revision!r}; choose a branch, tag or commit from {page}"
    return (
        "check the network (HTTPS_PROXY; HF_ENDPOINT for a mirror; HF_HUB_OFFLINE must not be set), or run "
        f"'hf download {wanted.repository} --local-dir FOLDER' where there is one and give the path of FOLDER"
    )
