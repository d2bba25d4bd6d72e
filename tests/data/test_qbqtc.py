from __future__ import annotations

import pytest

from darl.data.qbqtc import read
from darl.errors import ConfigError, DataError

TRAIN = [
    {"id": 0, "query": "小孩咳嗽感冒", "title": "小孩感冒过后久咳嗽该吃什么药育儿问答宝宝树", "label": "1"},
    {"id": 1, "query": "昆明公积金", "title": "昆明异地购房不能用住房公积金中新网", "label": "2"},
]
DEV = [{"id": 0, "query": "昆明公积金", "title": "昆明天气", "label": "0"}]
PUBLIC = [
    {"id": 7, "query": "小孩咳嗽感冒", "title": "小孩感冒过后久咳嗽该吃什么药育儿问答宝宝树", "label": "0"},
]


@pytest.fixture
def folder(write_lines):
    write_lines("train.json", *TRAIN)
    write_lines("test_public.json", *PUBLIC)
    return write_lines("dev.json", *DEV).parent


def test_rows_are_grouped_by_query_text_and_not_by_their_row_number(folder):
    graded = read(folder, parts=["train", "dev"])
    assert [one.grade for one in graded] == [1, 2, 0]
    ids = [one.pair.query_id for one in graded]
    assert ids[0] != ids[1] == ids[2]
    assert graded[0].pair.query == "小孩咳嗽感冒"


def test_a_pair_of_two_parts_is_merged_and_told(folder, told):
    graded = read(folder, progress=told)
    assert [one.grade for one in graded] == [0, 2, 0]
    assert len(told.messages) == 2


def test_the_early_format_is_read_too(write_lines):
    path = write_lines("train.json", {"query": "三星", "title": "三星手机", "relevant": "2"})
    assert read(path.parent, parts=["train"])[0].grade == 2


def test_wrong_rows_of_all_parts_are_told_together(write_lines):
    write_lines(
        "train.json", {"id": 0, "query": "a", "title": "b"}, "{", {"query": "a", "title": "b", "label": "3"}
    )
    path = write_lines("dev.json", {"id": 1, "query": "", "title": 3, "label": "0"})
    with pytest.raises(DataError) as caught:
        read(path.parent, parts=["train", "dev"])
    assert [(fault.line, fault.field) for fault in caught.value.faults] == [
        (1, "label"), (2, ""), (3, "label"), (1, "query"), (1, "title"),
    ]  # fmt: skip


def test_the_unlabelled_part_is_refused(folder):
    with pytest.raises(ConfigError, match="expected one of train, dev, test_public, received 'test'"):
        read(folder, parts=["test"])
