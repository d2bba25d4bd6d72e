"""ESCI: difficult shopping queries at Amazon in English, Spanish and Japanese; 2,621,288 judgements.

Reddy et al., "Shopping Queries Dataset: A Large-Scale ESCI Benchmark for Improving Product Search", 2022,
arXiv:2206.06588; https://github.com/amazon-science/esci-data, Apache-2.0. Two Parquet files: examples
(query, query_id, product_id, product_locale, esci_label, small_version, large_version, split) and products
(product_id, product_locale, product_title, product_description, product_bullet_point, product_brand,
product_color). A product is known by its id and locale together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import and_
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from darl.data.parquet import parquet_faults
from darl.data.public import IRRELEVANT, STRONG, WEAK, LeftOut, chosen, settle, sources
from darl.errors import DataError, Fault
from darl.pairs import GradedPair, Pair
from darl.progress import SILENT, Progress

EXAMPLES = "shopping_queries_dataset_examples.parquet"
PRODUCTS = "shopping_queries_dataset_products.parquet"
GRADES = {"E": STRONG, "S": WEAK, "C": WEAK, "I": IRRELEVANT}
FIELDS = {
    "brand": "product_brand",
    "color": "product_color",
    "bullet_points": "product_bullet_point",
    "description": "product_description",
}
LOCALES = ("us", "es", "jp", "all")
VERSIONS = ("small", "large")
SPLITS = ("train", "test", "all")
BATCH = 65_536

Key = tuple[str, str]
Item = tuple[str, tuple[tuple[str, str], ...]]


def read(
    folder: Path,
    *,
    locale: str = "us",
    version: str = "small",
    split: str = "all",
    item_fields: Sequence[str] = ("brand", "color"),
    progress: Progress = SILENT,
) -> list[GradedPair]:
    """The graded pairs: E (exact) is strong, S (substitute) and C (complement) are weak, I is irrelevant.

    The domain is the locale. Of the product file (1.1 GB) only the needed columns are read, in batches,
    and only the judged products are kept.

    Args:
        folder: Where the two Parquet files are.
        locale: "us", "es", "jp" or "all".
        version: "small" (the harder queries, task 1) or "large" (all, tasks 2 and 3).
        split: The source's own "train" or "test", or "all".
        item_fields: Those of brand, color, bullet_points and description to keep.
        progress: Is told what was left out.

    Raises:
        ConfigError: An option that the corpus does not have.
        DataError: A file is missing, damaged or not in the source's format.
    """
    chosen("locale", locale, LOCALES)
    chosen("version", version, VERSIONS)
    chosen("split", split, SPLITS)
    for name in item_fields:
        chosen("item_fields", name, FIELDS)
    examples_file, products_file = sources(folder, (EXAMPLES, PRODUCTS), "esci")
    left_out = LeftOut()
    examples = _examples(examples_file, locale, version, split)
    items = _items(products_file, examples, item_fields)
    graded = settle(_judgements(examples, items, str(examples_file), left_out), left_out)
    left_out.tell(progress, "esci")
    return graded


def _examples(path: Path, locale: str, version: str, split: str) -> pa.Table:
    columns = ["query", "query_id", "product_id", "product_locale", "esci_label"]
    conditions = [pc.field(f"{version}_version") == 1]
    if locale != "all":
        conditions.append(pc.field("product_locale") == locale)
    if split != "all":
        conditions.append(pc.field("split") == split)
    needed = [*columns, f"{version}_version", *(["split"] if split != "all" else [])]
    with _dataset(path, needed) as source:
        return source.to_table(columns=columns, filter=reduce(and_, conditions))


def _items(path: Path, examples: pa.Table, item_fields: Sequence[str]) -> dict[Key, Item]:
    """Title and fields of the judged products."""
    ids = examples["product_id"].unique()
    columns = ["product_id", "product_locale", "product_title", *(FIELDS[name] for name in item_fields)]
    items: dict[Key, Item] = {}
    with _dataset(path, columns) as source:
        for batch in source.to_batches(columns=columns, filter=pc.field("product_id").isin(ids)):
            for row in batch.to_pylist():
                fields = ((name, row[FIELDS[name]] or "") for name in item_fields)
                kept = tuple(field for field in fields if field[1].strip())
                items[row["product_locale"], row["product_id"]] = (row["product_title"] or "", kept)
    return items


@contextmanager
def _dataset(path: Path, needed: Sequence[str]) -> Iterator[ds.Dataset]:
    """A Parquet file that has the columns that are needed."""
    with path.open("rb") as handle, parquet_faults(str(path), handle):
        source = ds.dataset(path, format="parquet")
        if missing := [name for name in needed if name not in source.schema.names]:
            message = f"expected a column of this name, received {', '.join(source.schema.names)}"
            raise DataError("reading esci", [Fault(str(path), 0, name, message) for name in missing])
        yield source


def _judgements(
    examples: pa.Table, items: dict[Key, Item], file: str, left_out: LeftOut
) -> Iterator[GradedPair]:
    if unknown := set(examples["esci_label"].unique().to_pylist()) - GRADES.keys():
        message = f"expected {', '.join(GRADES)}, received {', '.join(map(repr, sorted(unknown, key=str)))}"
        raise DataError("reading esci", [Fault(file, 0, "esci_label", message)])
    for batch in examples.to_batches(max_chunksize=BATCH):
        for query, query_id, item_id, locale, label in zip(
            *(c.to_pylist() for c in batch.columns), strict=True
        ):
            item = items.get((locale, item_id))
            if item is None or not item[0].strip() or not (query or "").strip():
                left_out.add("judgements without the text of their query or product left out")
            else:
                yield GradedPair(Pair(str(query_id), query, item_id, item[0], locale, item[1]), GRADES[label])
