from __future__ import annotations

import pytest

from darl.data.wands import read
from darl.errors import ConfigError, DataError
from darl.pairs import Pair

QUERIES = """query_id\tquery\tquery_class
0\tsalon chair\tMassage Chairs
208\t"fawkes 36"" blue vanity"\tVanities
219\ttrinaic towel rod\t
"""
PRODUCTS = (
    "product_id\tproduct_name\tproduct_class\tcategory hierarchy\tproduct_description\tproduct_features"
    "\trating_count\taverage_rating\treview_count\n"
    "7\tsalon recliner\tChairs\tFurniture / Living Room / Chairs\tsoft , firm\tcolor:red|width:3"
    "\t15.0\t4.5\t15.0\n"
    "8\tplain mirror\t\t\t\t\t\t\t\n"
    '9\t27 \'\' wide "vanity"\tVanities\tHome Improvement / Bathroom\t"two\nlines"\tcolor:blue'
    "\t1.0\t5.0\t1.0\n"
)
LABELS = """id\tquery_id\tproduct_id\tlabel
0\t0\t7\tExact
1\t0\t8\tIrrelevant
2\t208\t9\tPartial
3\t208\t7\tIrrelevant
4\t208\t9\tPartial
5\t208\t404\tExact
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in {"query.csv": QUERIES, "product.csv": PRODUCTS, "label.csv": LABELS}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_labels_texts_and_fields_are_joined(folder, told):
    graded = read(folder, progress=told)
    assert [(one.pair.query_id, one.pair.item_id, one.grade) for one in graded] == [
        ("0", "7", 2), ("0", "8", 0), ("208", "9", 1), ("208", "7", 0),
    ]  # fmt: skip
    assert graded[0].pair == Pair(
        "0",
        "salon chair",
        "7",
        "salon recliner",
        "Massage Chairs",
        (
            ("class", "Chairs"),
            ("category", "Furniture > Living Room > Chairs"),
            ("description", "soft , firm"),
            ("features", "color:red|width:3"),
        ),
    )
    assert graded[1].pair.fields == ()
    assert graded[2].pair.query == 'fawkes 36" blue vanity'
    assert graded[2].pair.item == "27 '' wide \"vanity\""
    assert graded[2].pair.field("description") == "two\nlines"
    assert told.messages == [
        "wands: 1 judgements without the text of their query or product left out",
        "wands: 1 repeated judgements of a pair merged into one",
    ]


def test_the_domain_can_be_the_department_of_most_products(folder):
    graded = read(folder, domain="department")
    assert [one.pair.domain for one in graded] == ["Furniture"] * 4


def test_an_unknown_domain_is_refused(folder):
    with pytest.raises(ConfigError, match="query_class, department"):
        read(folder, domain="colour")


def test_all_labels_that_are_unknown_are_told(folder):
    text = LABELS.replace("\tIrrelevant", "\tNever")
    (folder / "label.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        read(folder)
    assert [fault.line for fault in caught.value.faults] == [3, 5]


@pytest.mark.parametrize("name", ["query.csv", "product.csv", "label.csv"])
def test_a_file_of_another_kind_is_refused(folder, name):
    (folder / name).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"expected a column of this name, received a,b"):
        read(folder)


def test_a_torn_row_is_told_with_its_line(folder):
    (folder / "label.csv").write_text(LABELS + "6\t0\n7\n")
    with pytest.raises(DataError, match=r"label\.csv:8: expected 4 cells as in the header, received 2"):
        read(folder)


def test_missing_files_are_told(tmp_path):
    with pytest.raises(DataError, match=r"3 faults"):
        read(tmp_path)
