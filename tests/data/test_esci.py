from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darl.data.esci import EXAMPLES, PRODUCTS, read
from darl.errors import ConfigError, DataError
from darl.pairs import Pair

# example_id, query, query_id, product_id, product_locale, esci_label, small_version, large_version, split
ROWS = [
    (0, "revent 80 cfm", 0, "B1", "us", "E", 1, 1, "train"),
    (1, "revent 80 cfm", 0, "B2", "us", "S", 1, 1, "train"),
    (2, "revent 80 cfm", 0, "B3", "us", "C", 1, 1, "train"),
    (3, "hat", 5, "B1", "us", "I", 1, 1, "test"),
    (4, "hat", 5, "B2", "us", "E", 0, 1, "test"),
    (5, "gorra", 9, "B1", "es", "E", 1, 1, "train"),
    (6, "hat", 5, "GONE", "us", "E", 1, 1, "test"),
]
COLUMNS = [
    *("example_id", "query", "query_id", "product_id", "product_locale"),
    *("esci_label", "small_version", "large_version", "split"),
]
ITEMS = [
    ("B1", "Fan", "<b>long</b>", "quiet\nsmall", "Acme", "white", "us"),
    ("B1", "Ventilador", None, None, None, "blanco", "es"),
    ("B2", "Duct", None, None, "Acme", None, "us"),
    ("B3", "Tape", None, None, "", None, "us"),
    ("B9", "Never judged", None, None, None, None, "us"),
]
ITEM_COLUMNS = [
    *("product_id", "product_title", "product_description", "product_bullet_point"),
    *("product_brand", "product_color", "product_locale"),
]


def table(columns, rows) -> pa.Table:
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(columns)})


@pytest.fixture
def folder(tmp_path):
    pq.write_table(table(COLUMNS, ROWS), tmp_path / EXAMPLES)
    pq.write_table(table(ITEM_COLUMNS, ITEMS), tmp_path / PRODUCTS, row_group_size=2)
    return tmp_path


def keys(graded) -> list[tuple[str, str, int]]:
    return [(one.pair.query_id, one.pair.item_id, one.grade) for one in graded]


def test_the_default_is_the_small_us_version(folder, told):
    graded = read(folder, progress=told)
    assert keys(graded) == [("0", "B1", 2), ("0", "B2", 1), ("0", "B3", 1), ("5", "B1", 0)]
    assert graded[0].pair == Pair(
        "0", "revent 80 cfm", "B1", "Fan", "us", (("brand", "Acme"), ("color", "white"))
    )
    assert graded[2].pair.fields == ()
    assert told.messages == ["esci: 1 judgements without the text of their query or product left out"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"version": "large"}, ["B1", "B2", "B3", "B1", "B2"]),
        ({"split": "train"}, ["B1", "B2", "B3"]),
        ({"split": "test", "version": "large"}, ["B1", "B2"]),
        ({"locale": "es"}, ["B1"]),
        ({"locale": "all"}, ["B1", "B2", "B3", "B1", "B1"]),
        ({"locale": "jp"}, []),
    ],
)
def test_locale_version_and_split_choose_the_rows(folder, options, ids):
    assert [one.pair.item_id for one in read(folder, **options)] == ids


def test_a_product_is_known_by_id_and_locale_together(folder):
    texts = {
        (one.pair.domain, one.pair.item) for one in read(folder, locale="all") if one.pair.item_id == "B1"
    }
    assert texts == {("us", "Fan"), ("es", "Ventilador")}


def test_further_fields_are_read_when_asked_for(folder):
    graded = read(folder, item_fields=["description", "bullet_points"])
    assert graded[0].pair.fields == (("description", "<b>long</b>"), ("bullet_points", "quiet\nsmall"))


@pytest.mark.parametrize(
    "options", [{"locale": "de"}, {"version": "tiny"}, {"split": "dev"}, {"item_fields": ["price"]}]
)
def test_options_that_the_corpus_has_not_are_refused(folder, options):
    (name,) = options
    with pytest.raises(ConfigError, match=f"{name}: expected one of"):
        read(folder, **options)


def test_an_unknown_label_is_refused(folder):
    pq.write_table(table(COLUMNS, [*ROWS, (9, "hat", 5, "B3", "us", "X", 1, 1, "train")]), folder / EXAMPLES)
    with pytest.raises(DataError, match="expected E, S, C, I, received 'X'"):
        read(folder)


@pytest.mark.parametrize(("name", "column"), [(EXAMPLES, "esci_label"), (PRODUCTS, "product_title")])
def test_a_missing_column_is_told(folder, name, column):
    pq.write_table(pq.read_table(folder / name).drop_columns([column]), folder / name)
    with pytest.raises(DataError, match=f"{column}: expected a column of this name"):
        read(folder)


@pytest.mark.parametrize("name", [EXAMPLES, PRODUCTS])
def test_a_git_lfs_pointer_is_recognised(folder, name):
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4a\nsize 51286808\n")
    with pytest.raises(DataError, match="Git LFS pointer"):
        read(folder)


def test_a_damaged_file_is_told(folder):
    content = (folder / PRODUCTS).read_bytes()
    (folder / PRODUCTS).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="expected a whole Parquet file"):
        read(folder)
