"""Captured texts without what should not be kept: nothing of it reaches the disk."""

from __future__ import annotations

import time

import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.data.readers import read_pairs
from darl.errors import ConfigError
from darl.pairs import Pair
from darl.serve.redaction import BUILT_IN, Redaction
from darl.serve.settings import read_settings
from tests.serve.made import ask

ALL = Redaction(tuple(BUILT_IN))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jo.li+shop@mail.example.org, please", "write to [email], please"),
        ("jürgen@bücher.example", "[email]"),
        ("root@localhost", "[email]"),
        ("call +49 (0)30 / 123 45-67 now", "call [phone] now"),
        ("call (555) 123-4567.", "call [phone]."),
        ("555 1234", "[phone]"),
        ("030 1234567", "[digits]"),
        ("card 4111 1111 1111 1111", "card [digits]"),
        ("order 123456789012345678901", "order [digits]"),
        ("parka 42, 3 m, 1990, 12-pack 2 x 500 ml", "parka 42, 3 m, 1990, 12-pack 2 x 500 ml"),
        ("B07CXG6C9W at home", "B07CXG6C9W at home"),
    ],
)
def test_built_in_patterns(text, expected):
    assert ALL.text(text) == expected


def test_patterns_are_applied_in_order_and_each_leaves_its_mark():
    assert Redaction(["digits", "phone"]).text("0301234567") == "[digits]"
    assert Redaction(["phone", "digits"]).text("0301234567") == "[phone]"
    assert Redaction([r"(?i)\bmr\.? \w+"]).text("a coat for Mr. Miller") == "a coat for [redacted]"
    assert Redaction([]).text("0301234567") == "0301234567"


LOCAL = st.text("abcXYZ019.+-_%ü", min_size=1, max_size=80)
AROUND = st.text("a1 ,.@;-", max_size=12)


@given(AROUND, LOCAL, AROUND)
def test_no_address_is_left_whatever_stands_around_it(before, local, after):
    left = ALL.text(f"{before} {local}@secret.example {after}")
    assert "secret" not in left


@given(st.text("0123456789 -", min_size=1, max_size=60))
def test_no_eight_digits_in_a_row_are_left(text):
    import re

    assert not re.search(r"\d{8}", ALL.text(text).replace("-", "").replace("[digits]", "x")) or "  " in text


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "1 " * 100_000, "a@" * 100_000, "1-(" * 70_000, "+" * 200_000]
)
def test_long_texts_take_no_longer_than_long(text):
    began = time.process_time()
    ALL.text(text)
    assert time.process_time() - began < 2


def test_every_text_of_a_pair_is_redacted():
    pair = Pair("", "coat for a@b.example", "", "item 12345678", "c@d.example", (("brand", "e@f.example"),))
    assert ALL.pair(pair) == Pair(
        "", "coat for [email]", "", "item [digits]", "[email]", (("brand", "[email]"),)
    )


SECRETS = ["jo@mail.example", "4111 1111 1111 1111", "swordfish"]


@pytest.mark.parametrize("redact", [(), ("email", "digits", "sword\\w+")])
def test_what_is_redacted_never_reaches_the_disk(started, served, tmp_path, redact):
    pool = tmp_path / "pool"
    capture = {"folder": pool, "percentile": 0, "redact": redact, "file_pairs": 2}
    with started(served, capture=capture) as client:
        for number, secret in enumerate(SECRETS):
            documents = [{"text": f"{secret} parka", "brand": secret}, f"coat {number}"]
            ask(client, f"{secret} {number}", documents, darl={"domain": secret})
    files = sorted(pool.iterdir())
    assert len(files) >= 3
    read = "\n".join(str(pair) for file in files for pair in read_pairs(file))
    for file in files:
        # Statistics of columns hold texts too.
        described = parquet.read_metadata(file)
        columns = [described.row_group(0).column(place) for place in range(described.num_columns)]
        read += "\n".join(str(column.statistics) for column in columns) + str(described.metadata)
        read += file.read_bytes().decode("latin-1")
    assert [secret in read for secret in SECRETS] == [not redact] * len(SECRETS)
    if redact:
        assert all(mark in read for mark in ("[email]", "[digits]", "[redacted]"))


def test_pairs_that_are_alike_without_what_was_taken_out_are_kept_once(started, served, tmp_path):
    capture = {"folder": tmp_path / "pool", "percentile": 0, "redact": ("digits",)}
    with started(served, capture=capture) as client:
        for number in range(5):
            ask(client, "where is my order", [f"order 1234567{number}"])
    (file,) = (tmp_path / "pool").iterdir()
    assert [pair.item for pair in read_pairs(file)] == ["order [digits]"]


@pytest.mark.parametrize(
    ("pattern", "told"), [("(", "or a regular expression, received '\\('"), ("a*", "that needs text")]
)
def test_patterns_are_checked_before_anything_is_loaded(tmp_path, pattern, told):
    raw = {"names": ("a",), "models_root": tmp_path}
    with pytest.raises(ConfigError, match=told):
        read_settings(raw | {"capture": {"folder": tmp_path, "redact": ("email", pattern)}})
