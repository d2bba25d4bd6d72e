"""The data section of an experiment: named splits, from files or corpora."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from darl.catalogue import Component, build, component_faults
from darl.data.catalogue import CORPORA
from darl.data.corpus import Corpus
from darl.data.files import suffix_of
from darl.data.items import Item, digest_of_items, read_catalogue
from darl.data.readers import read_pool, read_rated_pairs
from darl.data.splits import check_no_leak
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.pairs import NO_RATINGS, GradedPair, Pair, Ratings, digest_of
from darl.pipeline.warm_config import CatalogueConfig
from darl.progress import SILENT, Progress

VALIDATION = "valid"
"""The slice that the validation pairs make, where they are judged."""
SliceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
# What validation is called that an experiment has anyway, or gets from its rounds.
RESERVED = ("valid", "held_out")


@dataclass(frozen=True)
class Splits:
    """All pairs of an experiment; no query of a validation or test split is in any other split.

    Attributes:
        train: Graded training pairs.
        valid: Graded held-out pairs, in distribution.
        pool: Unlabelled traffic.
        gold: Grades of pool pairs where their source has them: for the oracle alone.
        test: Graded test slices by name.
        valid_ood: Graded held-out pairs that are not in distribution, by name; nothing is trained on them,
            and the report says nothing of them.
        ratings: What several people said of graded pairs.
        catalogue: Items alone, for stages that warm up.
        earlier: Labels that earlier runs bought of their traffic: the last of the training pairs.
    """

    train: tuple[GradedPair, ...]
    valid: tuple[GradedPair, ...]
    pool: tuple[Pair, ...]
    gold: Mapping[Pair, int]
    test: Mapping[str, tuple[GradedPair, ...]]
    valid_ood: Mapping[str, tuple[GradedPair, ...]] = field(default_factory=dict)
    ratings: Ratings = field(default_factory=lambda: NO_RATINGS)  # a mapping is no default by itself
    catalogue: tuple[Item, ...] = ()
    earlier: tuple[GradedPair, ...] = ()

    @property
    def familiar(self) -> tuple[GradedPair, ...]:
        """The training pairs but for what earlier runs bought."""
        return self.train[: len(self.train) - len(self.earlier)]

    def judging_validation(self) -> Splits:
        """The same with the validation pairs as a test slice too, the first one."""
        return replace(self, test={VALIDATION: self.valid, **self.test})

    @property
    def digest(self) -> str:
        """Identity of all pairs, grades, ratings and items."""
        gold = [GradedPair(pair, self.gold[pair]) for pair in self.pool if pair in self.gold]
        parts = (self.train, self.valid, gold, *self.test.values(), *self.valid_ood.values())
        graded = [digest_of(part) for part in parts]
        rated = [str(list(self.ratings.values()))] if self.ratings else []
        items = [digest_of_items(self.catalogue)] if self.catalogue else []
        return hashlib.sha256(" ".join([digest_of(self.pool), *graded, *rated, *items]).encode()).hexdigest()

    def check(self, item_fields: Sequence[str]) -> None:
        """Refuse leaks between splits, and a prompt that uses fields which no training pair has."""
        graded = {"train": self.train, "valid": self.valid} | {
            f"{kind} {name}": part
            for kind, parts in (("test", self.test), ("valid_ood", self.valid_ood))
            for name, part in parts.items()
        }
        check_no_leak(
            {name: [one.pair for one in part] for name, part in graded.items()} | {"pool": self.pool}
        )
        have = {name for one in self.train for name, text in one.pair.fields if text}
        if missing := [name for name in item_fields if name not in have]:
            raise ConfigError(
                "model.prompt", [f"no training pair has the field {name!r}" for name in missing]
            )


class DataConfig(BaseModel):
    """Where the pairs come from: each split is a file, or CORPUS:SLICE.

    Attributes:
        corpora: Corpora by a name of your choice, each with its reader and arguments. `insurance`, the
            generated one, is there without being declared.
        train: Graded pairs to train on.
        valid: Graded pairs for validation.
        pool: Traffic to select from; its grades, if it has any, are read by the oracle alone.
        test: Graded slices to report on, by name. The first is the in-distribution one.
        valid_ood: Graded validation pairs out of distribution, by name, beside which a recipe's end is
            decided.
        ratings: Whether several people rated a pair in the files, in a column `ratings` or in several rows:
            stages then learn from what each of them said, and all else takes the median.
        catalogue: Items alone, of which stages with examples: warm make their pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpora: dict[str, Component] = {}
    train: str
    valid: str
    pool: str | None = None
    test: dict[SliceName, str] = Field(min_length=1)
    valid_ood: dict[SliceName, str] = {}
    ratings: bool = False
    catalogue: CatalogueConfig | None = None

    @model_serializer(mode="wrap")
    def _plain_as_ever(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Older runs are compared with what is written here.
        written: dict[str, Any] = write(self)
        return {
            key: value for key, value in written.items() if value or key not in ("valid_ood", "catalogue")
        }

    @field_validator("valid_ood")
    @classmethod
    def _other_names(cls, value: dict[str, str]) -> dict[str, str]:
        if taken := [name for name in value if name in RESERVED]:
            raise ValueError(
                f"expected other names than {' and '.join(RESERVED)}, received {', '.join(taken)}"
            )
        return value

    @field_validator("corpora")
    @classmethod
    def _known_corpora(cls, value: dict[str, Component], info: ValidationInfo) -> dict[str, Component]:
        placed = {name: _place(component, _folder(info)) for name, component in value.items()}
        faults = [
            f"{name}: {fault}"
            for name, component in placed.items()
            for fault in component_faults(CORPORA, component)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return placed

    @model_validator(mode="after")
    def _sources_exist(self, info: ValidationInfo) -> DataConfig:
        faults, placed = [], {}
        for split, source in self.sources.items():
            try:
                placed[split] = self._placed(source, _folder(info))
            except ConfigError as error:
                faults += [f"{split}: {fault}" for fault in error.faults]
        if faults:
            raise ValueError("; ".join(faults))
        for split in ("train", "valid", "pool"):
            if split in placed:
                object.__setattr__(self, split, placed[split])
        for split in ("test", "valid_ood"):
            named = {name: placed[f"{split}.{name}"] for name in getattr(self, split)}
            object.__setattr__(self, split, named)
        return self

    @property
    def sources(self) -> dict[str, str]:
        """Every split and its source."""
        pool = {"pool": self.pool} if self.pool is not None else {}
        test = {f"test.{name}": source for name, source in self.test.items()}
        ood = {f"valid_ood.{name}": source for name, source in self.valid_ood.items()}
        return {"train": self.train, "valid": self.valid, **pool, **test, **ood}

    def is_file(self, source: str) -> bool:
        """Whether a source is a path and not CORPUS:SLICE."""
        name, colon, _ = source.partition(":")
        return not colon or (name not in self.corpora and name not in CORPORA)

    def _placed(self, source: str, folder: Path) -> str:
        name, _, part = source.partition(":")
        if self.is_file(source):
            path = folder / source
            if not path.is_file():
                known = ", ".join(sorted({*self.corpora, "insurance"}))
                raise ConfigError("data", [f"no file {path}, and no CORPUS:SLICE of a corpus ({known})"])
            suffix_of(path)
            return str(path)
        slices = self.corpus(name).slices
        if part not in slices:
            raise ConfigError("data", [f"{name} has no slice {part!r}: expected one of {', '.join(slices)}"])
        return source

    def corpus(self, name: str) -> Corpus:
        """A declared corpus, or `insurance`."""
        return build("corpus", CORPORA, self.corpora.get(name, Component(name=name)))

    def load(
        self,
        scale: GradeScale,
        item_fields: Sequence[str] = (),
        *,
        bad_rows: Path | None = None,
        progress: Progress = SILENT,
    ) -> Splits:
        """Read every split and check that none leaks into another.

        Args:
            scale: The experiment's grades.
            item_fields: Extra fields that the prompt uses.
            bad_rows: A folder in which the bad rows of each file are set aside, instead of failing.
            progress: Is told how many rows were set aside.

        Raises:
            DataError: A file is wrong, or a query stands in two splits.
            ConfigError: A corpus has other grades than the experiment, or no training pair has a field
                that the prompt uses.
        """
        read = _Reader(self, scale, tuple(item_fields), bad_rows, progress)
        pool, gold = read.pool(self.pool) if self.pool is not None else ((), {})
        test = {name: read.graded(source, f"test.{name}") for name, source in self.test.items()}
        ood = {name: read.graded(source, f"valid_ood.{name}") for name, source in self.valid_ood.items()}
        train, valid = read.graded(self.train, "train"), read.graded(self.valid, "valid")
        splits = Splits(train, valid, pool, gold, test, ood, read.ratings, read.items())
        splits.check(tuple(item_fields))
        return splits


class _Reader:
    def __init__(
        self,
        config: DataConfig,
        scale: GradeScale,
        item_fields: tuple[str, ...],
        bad_rows: Path | None,
        progress: Progress,
    ) -> None:
        self.config, self.scale, self.item_fields = config, scale, item_fields
        self.bad_rows, self.progress = bad_rows, progress
        self.corpora: dict[str, Corpus] = {}
        self.ratings: dict[Pair, tuple[int, ...]] = {}

    def graded(self, source: str, split: str) -> tuple[GradedPair, ...]:
        if self.config.is_file(source):
            how = self._how(split)
            graded, ratings = read_rated_pairs(source, self.scale, ratings=self.config.ratings, **how)
            self.ratings |= ratings
            return tuple(graded)
        name, _, part = source.partition(":")
        corpus = self.corpora.setdefault(name, self.config.corpus(name))
        if corpus.grade_scale != self.scale:
            expected, received = corpus.grade_scale.names, self.scale.names
            raise ConfigError("grades", [f"expected those of {name} {expected}, received {received}"])
        return corpus.load(part)

    def pool(self, source: str) -> tuple[tuple[Pair, ...], dict[Pair, int]]:
        if not self.config.is_file(source):
            both = self.graded(source, "pool")
            return tuple(one.pair for one in both), {one.pair: one.grade for one in both}
        pairs, grades = read_pool(source, self.scale, ratings=self.config.ratings, **self._how("pool"))
        gold = {pair: grade for pair, grade in zip(pairs, grades, strict=True) if grade is not None}
        return tuple(pairs), gold

    def items(self) -> tuple[Item, ...]:
        if (found := self.config.catalogue) is None:
            return ()
        return read_catalogue(found.path, fields=found.fields, **self._how("catalogue"))

    def _how(self, split: str) -> dict[str, Any]:
        aside = None if self.bad_rows is None else self.bad_rows / f"{split}.jsonl"
        return {"item_fields": self.item_fields, "bad_rows": aside, "progress": self.progress}


def _folder(info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", "."))


def _place(component: Component, folder: Path) -> Component:
    path = component.arguments.get("path")
    if isinstance(path, str):
        placed: str | list[Any] = str(folder / path)
    elif isinstance(path, list):
        placed = [str(folder / one) if isinstance(one, str) else one for one in path]
    else:
        return component
    return Component.model_validate({"name": component.name, **component.arguments, "path": placed})
