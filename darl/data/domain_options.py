"""Whether the options of a domain corpus, plain values from YAML, are right and fit each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from darl.data.records import COLUMNS
from darl.data.splits import share_faults
from darl.errors import ConfigError
from darl.grades import GradeScale

LEARNED = ("train", "valid", "pool", "in_dist")


def option_faults(options: Mapping[str, Any]) -> list[str]:
    """Every fault of the arguments of `DomainCorpus`, given by name."""
    checks = (_path, _domains, _grades, _item_fields, _seed, _shares, _pool_shares, _sizes, _thinning)
    return [fault for check in checks for fault in check(options)]


def _path(options: Mapping[str, Any]) -> Iterator[str]:
    path = options["path"]
    several = isinstance(path, list | tuple)
    if several and not path:
        yield "path: expected a file, or a list of files, received none"
    for one in path if several else [path]:
        if not isinstance(one, str | Path) or not str(one).strip():
            yield f"path: expected a file, received {one!r}"
        elif not Path(one).is_file():
            yield f"path: expected a file, received {str(one)!r}: no such file"
    if several and all(isinstance(one, str | Path) for one in path):
        stems = [Path(one).name.partition(".")[0] for one in path]
        if len(set(stems)) < len(stems):
            yield f"path: expected files of different names, received {', '.join(stems)}"


def _domains(options: Mapping[str, Any]) -> Iterator[str]:
    ood = options["ood"]
    if not isinstance(ood, Mapping) or not ood:
        yield f"ood: expected at least one name with its domains, received {ood!r}"
        ood = {}
    named: dict[str, Any] = {"in_dist": options["in_dist"]}
    for name, domains in ood.items():
        if not isinstance(name, str) or not name.strip():
            yield f"ood: expected names, received {name!r}"
        elif name in LEARNED:
            yield f"ood: {name!r} is a slice already: choose another name"
        else:
            named[name] = domains
    yield from _named_domains(named)


def _named_domains(named: Mapping[str, Any]) -> Iterator[str]:
    owner: dict[str, str] = {}
    for name, domains in named.items():
        if not _is_texts(domains) or not domains:
            yield f"{name}: expected a list of at least one domain, received {domains!r}"
            continue
        for domain in domains:
            if domain in owner:
                yield f"{name}: domain {domain!r} is named already, in {owner[domain]}"
            owner.setdefault(domain, name)


def _grades(options: Mapping[str, Any]) -> Iterator[str]:
    grades = options["grades"]
    if not _is_texts(grades):
        yield f"grades: expected a list of names, received {grades!r}"
        return
    try:
        GradeScale(tuple(grades))
    except ConfigError as error:
        yield from (f"grades: {fault}" for fault in error.faults)


def _item_fields(options: Mapping[str, Any]) -> Iterator[str]:
    names = options["item_fields"]
    if not _is_texts(names):
        yield f"item_fields: expected a list of column names, received {names!r}"
    elif taken := sorted(set(names) & set(COLUMNS)):
        yield f"item_fields: read anyway and no extra fields: {', '.join(taken)}"
    elif len(set(names)) < len(names):
        yield f"item_fields: expected each name once, received {list(names)}"


def _seed(options: Mapping[str, Any]) -> Iterator[str]:
    if not _is_whole(options["seed"], at_least=0):
        yield f"seed: expected a whole number of 0 or above, received {options['seed']!r}"


def _shares(options: Mapping[str, Any]) -> Iterator[str]:
    shares = options["shares"]
    if not isinstance(shares, Mapping) or set(shares) != set(LEARNED):
        yield f"shares: expected a share for each of {', '.join(LEARNED)}, received {shares!r}"
    else:
        yield from share_faults(shares)


def _pool_shares(options: Mapping[str, Any]) -> Iterator[str]:
    names = ("ood_pool_share", "pool_ood_share")
    wrong = [name for name in names if not _is_fraction(options[name])]
    for name in wrong:
        yield f"{name}: expected a number from 0 up to but not 1, received {options[name]!r}"
    if not wrong and options["pool_ood_share"] > 0 and options["ood_pool_share"] == 0:
        yield "pool_ood_share: expected 0 where ood_pool_share is 0 and no OOD query reaches the pool"


def _sizes(options: Mapping[str, Any]) -> Iterator[str]:
    sizes, ood = options["sizes"], options["ood"]
    if not isinstance(sizes, Mapping):
        yield f"sizes: expected slice names with numbers of pairs, received {sizes!r}"
        return
    names = (*LEARNED, *(ood if isinstance(ood, Mapping) else ()))
    for name, size in sizes.items():
        if name not in names:
            yield f"sizes: unknown slice {name!r}: expected one of {', '.join(map(str, names))}"
        elif not _is_whole(size, at_least=1):
            yield f"sizes: {name}: expected a whole number of 1 or above, received {size!r}"


def _thinning(options: Mapping[str, Any]) -> Iterator[str]:
    if options["per_query"] is not None and not _is_whole(options["per_query"], at_least=1):
        yield f"per_query: expected a whole number of 1 or above, received {options['per_query']!r}"
    if not isinstance(options["thin_pool"], bool):
        yield f"thin_pool: expected true or false, received {options['thin_pool']!r}"


def _is_texts(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes)
        and all(isinstance(text, str) for text in value)
    )


def _is_whole(value: object, at_least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= at_least


def _is_fraction(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value < 1
    )
