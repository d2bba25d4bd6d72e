"""WANDS: furniture and home search at Wayfair; 233,448 judgements, 480 queries, 42,994 products.

Chen et al., "WANDS: Dataset for Product Search Relevance Assessment", ECIR 2022;
https://github.com/wayfair/WANDS, MIT licence. Three tab-separated files with quoted cells: query.csv
(query_id, query, query_class), product.csv (product_id, product_name, product_class, category hierarchy,
product_description, product_features, ...), label.csv (id, query_id, product_id, label).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from darl.data.cells import PATH_SEPARATOR
from darl.data.delimited import scan_delimited
from darl.data.files import reading
from darl.data.public import IRRELEVANT, STRONG, WEAK, LeftOut, chosen, settle, sources
from darl.data.rows import BadRow
from darl.errors import DataError, Fault
from darl.pairs import GradedPair, Pair
from darl.progress import SILENT, Progress

FILES = ("query.csv", "product.csv", "label.csv")
GRADES = {"Exact": STRONG, "Partial": WEAK, "Irrelevant": IRRELEVANT}
DOMAINS = ("query_class", "department")

Table = dict[str, Mapping[str, str]]
Item = tuple[str, tuple[tuple[str, str], ...]]


def read(folder: Path, *, domain: str = "query_class", progress: Progress = SILENT) -> list[GradedPair]:
    """The graded pairs: Exact is strong, Partial is weak.

    The extra fields are class, category (its path), description and features, those that are not empty.

    Args:
        folder: Where query.csv, product.csv and label.csv are.
        domain: "query_class", the source's own class of the query (several hundred), or "department", the
            first part of the category of most of the query's products (a few dozen).
        progress: Is told what was left out.

    Raises:
        ConfigError: An unknown `domain`.
        DataError: A file is missing or not in the source's format.
    """
    chosen("domain", domain, DOMAINS)
    query_file, product_file, label_file = sources(folder, FILES, "wands")
    queries = _table(query_file, "query_id", ("query", "query_class"))
    items = {key: _item(row) for key, row in _table(product_file, "product_id", ("product_name",)).items()}
    left_out = LeftOut()
    graded = settle(_judgements(label_file, queries, items, left_out), left_out)
    left_out.tell(progress, "wands")
    return graded if domain == "query_class" else _by_department(graded)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of one of the files; a file without these columns is not one of them."""
    faults: list[Fault] = []
    with reading(path), path.open("rb") as handle:
        # The source writes quotes as pandas does, and its item texts hold stray ones: not strict.
        for row in scan_delimited(handle, str(path), delimiter="\t", strict=False):
            if isinstance(row, BadRow):
                faults += row.faults
            elif missing := [name for name in columns if name not in row.values]:
                message = f"expected a column of this name, received {', '.join(row.values)}"
                raise DataError("reading wands", [Fault(str(path), 1, name, message) for name in missing])
            else:
                yield row.line, row.values
    if faults:
        raise DataError("reading wands", faults)


def _table(path: Path, key: str, columns: tuple[str, ...]) -> Table:
    return {row[key]: row for _, row in _rows(path, (key, *columns))}


def _item(row: Mapping[str, str]) -> Item:
    # The file says "category hierarchy", the source's description of it "category_hierarchy".
    path = row.get("category hierarchy") or row.get("category_hierarchy") or ""
    fields = {
        "class": row.get("product_class", ""),
        "category": PATH_SEPARATOR.join(part.strip() for part in path.split("/") if part.strip()),
        "description": row.get("product_description", ""),
        "features": row.get("product_features", ""),
    }
    return row["product_name"], tuple((name, text) for name, text in fields.items() if text.strip())


def _judgements(
    path: Path, queries: Table, items: dict[str, Item], left_out: LeftOut
) -> Iterator[GradedPair]:
    faults = []
    for line, row in _rows(path, ("query_id", "product_id", "label")):
        query, item = queries.get(row["query_id"]), items.get(row["product_id"])
        if row["label"] not in GRADES:
            message = f"expected one of {', '.join(GRADES)}, received {row['label']!r}"
            faults.append(Fault(str(path), line, "label", message))
        elif query is None or item is None:
            left_out.add("judgements without the text of their query or product left out")
        elif not query["query"].strip() or not item[0].strip():
            left_out.add("judgements of an empty query or product name left out")
        else:
            pair = Pair(
                row["query_id"], query["query"], row["product_id"], item[0], query["query_class"], item[1]
            )
            yield GradedPair(pair, GRADES[row["label"]])
    if faults:
        raise DataError("reading wands", faults)


def _by_department(graded: list[GradedPair]) -> list[GradedPair]:
    departments: dict[str, Counter[str]] = {}
    for pair, _ in graded:
        if category := pair.field("category"):
            departments.setdefault(pair.query_id, Counter())[category.split(PATH_SEPARATOR)[0]] += 1
    domain = {key: min(counts, key=lambda name: (-counts[name], name)) for key, counts in departments.items()}
    return [GradedPair(pair._replace(domain=domain.get(pair.query_id, "")), grade) for pair, grade in graded]
