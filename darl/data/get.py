"""Public corpora from their owners' own addresses. Nothing of them comes with darl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from darl.download import fetch
from darl.errors import ConfigError, DataError, DownloadError, Fault
from darl.files import sha256_of, write_text
from darl.progress import SILENT, Progress

SUMS = "SHA256SUMS"


class RemoteFile(NamedTuple):
    """One file of a public corpus.

    Attributes:
        name: Its name in the folder.
        url: Where the owner has it.
        size: Bytes; None where the owner does not publish it.
        sha256: In hexadecimal; None where the owner publishes none.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None


class PublicCorpus(NamedTuple):
    """A corpus that its owner publishes.

    Attributes:
        about: What it is.
        home: The owner's page.
        licence: The owner's terms.
        files: What it consists of.
    """

    about: str
    home: str
    licence: str
    files: tuple[RemoteFile, ...]


# ESCI is stored with Git LFS: raw.githubusercontent.com would give a pointer of 130 bytes, and that pointer
# is where the owner publishes size and checksum.
ESCI = "https://media.githubusercontent.com/media/amazon-science/esci-data/main/shopping_queries_dataset"
WANDS = "https://raw.githubusercontent.com/wayfair/WANDS/main/dataset"
QBQTC = "https://raw.githubusercontent.com/CLUEbenchmark/QBQTC/main/dataset"

PUBLIC: dict[str, PublicCorpus] = {
    "esci": PublicCorpus(
        "shopping queries at Amazon (us, es, jp), 2,621,288 judgements",
        "https://github.com/amazon-science/esci-data",
        "Apache-2.0",
        (
            RemoteFile(
                "shopping_queries_dataset_examples.parquet",
                f"{ESCI}/shopping_queries_dataset_examples.parquet",
                51_286_808,
                "4a735b693b4a424a6fc67f5be6e4c811495c488bbf66d02a602d308b2744263a",
            ),
            RemoteFile(
                "shopping_queries_dataset_products.parquet",
                f"{ESCI}/shopping_queries_dataset_products.parquet",
                1_108_857_465,
                "25124442d064d64b26f74082d6fa09438d679efc0c183cf28d19064a2b65a265",
            ),
        ),
    ),
    "wands": PublicCorpus(
        "furniture and home search at Wayfair (English), 233,448 judgements",
        "https://github.com/wayfair/WANDS",
        "MIT",
        tuple(RemoteFile(name, f"{WANDS}/{name}") for name in ("query.csv", "product.csv", "label.csv")),
    ),
    "qbqtc": PublicCorpus(
        "web search in QQ Browser (Chinese), 205,000 judgements",
        "https://github.com/CLUEbenchmark/QBQTC",
        "none stated by the owner",
        tuple(RemoteFile(name, f"{QBQTC}/{name}") for name in ("train.json", "dev.json", "test_public.json")),
    ),
}


def get(name: str, folder: Path, *, base_url: str | None = None, progress: Progress = SILENT) -> list[Path]:
    """Fetch the files of a public corpus into `folder`; their paths. Files that are there are kept.

    Each file must have the SHA-256 that its owner publishes. Where the owner publishes none, that of the
    first download is recorded in SHA256SUMS beside the files (`sha256sum -c` reads it) and must be met from
    then on.

    Args:
        name: A corpus of `PUBLIC`.
        folder: Where to put the files.
        base_url: A mirror's folder that has the same file names; None: the owner's own addresses.
        progress: Is told of the bytes.

    Raises:
        ConfigError: No such corpus.
        DataError: SHA256SUMS is not readable as such.
        DownloadError: A file cannot be fetched, or is not the expected one.
    """
    if name not in PUBLIC:
        raise ConfigError("get", [f"expected one of {', '.join(PUBLIC)}, received {name!r}"])
    sums_file = folder / SUMS
    sums = _read_sums(sums_file)
    paths = []
    for file in PUBLIC[name].files:
        url = file.url if base_url is None else f"{base_url.rstrip('/')}/{file.name}"
        paths.append(_get_one(file, url, folder, sums, progress))
        if file.name not in sums:
            sums[file.name] = file.sha256 or sha256_of(paths[-1])
            write_text(sums_file, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
    return paths


def _get_one(file: RemoteFile, url: str, folder: Path, sums: Mapping[str, str], progress: Progress) -> Path:
    recorded = sums.get(file.name)
    try:
        return fetch(url, folder / file.name, sha256=file.sha256 or recorded, progress=progress)
    except DownloadError as error:
        if file.sha256 or not recorded:
            raise
        raise DownloadError(
            f"{error}. The owner publishes no checksum; the expected one was recorded at the first download, "
            f"in {folder / SUMS}. If the owner has published a new version, delete its line there"
        ) from error


def _read_sums(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), [Fault(str(path), 0, "", str(error))]) from error
    sums: dict[str, str] = {}
    faults: list[Fault] = []
    for number, line in enumerate(lines, start=1):
        digest, _, name = line.partition("  ")
        if len(digest) == 64 and name:
            sums[name] = digest
        elif line.strip():
            faults.append(Fault(str(path), number, "", "expected a SHA-256, two spaces and a file name"))
    if faults:
        raise DataError(str(path), faults)
    return sums
