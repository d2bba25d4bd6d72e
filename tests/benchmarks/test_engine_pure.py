"""The parts of the engine benchmark that only count, compare and write."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine import tables
from benchmarks.engine.clock import in_turn
from benchmarks.engine.options import parse
from benchmarks.engine.stats import Spread, rank_correlation, ratios, spread
from benchmarks.engine.store import Store
from benchmarks.engine.tokens import distinct_tokens, useful_flop
from darl.errors import ConfigError

TEXTS = st.lists(st.lists(st.integers(0, 2), max_size=6), max_size=8)
MACHINE, SUBJECT = {"cores": 2}, {"model": "m", "quick": False}


@given(TEXTS)
def test_distinct_tokens_are_the_distinct_beginnings(texts):
    naive = {tuple(text[: i + 1]) for text in texts for i in range(len(text))}
    assert distinct_tokens(texts) == len(naive)


def test_distinct_tokens_by_hand():
    assert distinct_tokens([]) == 0
    assert distinct_tokens([[5, 6], [5, 6]]) == 2
    # The same token after another beginning is another state.
    assert distinct_tokens([[1, 9], [2, 9]]) == 4
    assert useful_flop(10, 4) == 80


def test_ratios_are_taken_within_a_round():
    times = {"slow": [2.0, 40.0, 3.0], "fast": [1.0, 10.0, 1.0]}
    assert ratios(times, "fast", "slow") == [2, 4, 3]
    assert spread(ratios(times, "fast", "slow")) == Spread(3, 2, 4)
    assert ratios(times, "slow", "slow") == [1, 1, 1]
    with pytest.raises(ValueError, match="as many rounds"):
        ratios({"a": [1.0], "b": [1.0, 2.0]}, "a", "b")
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_rank_correlation():
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 2], [1, 2, 2]) == pytest.approx(0.5)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_contenders_take_turns_and_none_is_always_first():
    order = []
    calls = {name: lambda name=name: order.append(name) or name for name in "abc"}
    times, results = in_turn(calls, 3, lambda name, seconds: None)
    assert "".join(order) == "abcbcacab"
    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 3, "c": 3}
    assert results == {"a": "a", "b": "b", "c": "c"}


def test_cells():
    assert tables.cell(Spread(2, 1.5, 12.3456)) == "2.00 [1.50..12.3]"
    assert tables.cell(Spread(1234.5, 1234.5, 1234.5)) == "1,234"
    assert tables.table(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def rerank_section():
    work = {"pairs": 10, "tokens": 100, "distinct": 60, "flop": 4e9}
    seconds = {"CrossEncoder best": [2.0, 4.0], "darl": [1.0, 1.0]}
    near = {"CrossEncoder best": {"largest": 0.0, "rank": 1.0}, "darl": {"largest": 1e-6, "rank": 1.0}}
    kinds = {name: {"description": name, "dtype": "float32"} for name in seconds}
    one = {"work": work, "rounds": 2, "seconds": seconds, "agreement": near}
    peaks = [{"float32": {"median": 10.0}}, {"float32": {"median": 6.0}}]
    return {"peaks": peaks, "result": {"contenders": kinds, "sets": {"1 x 10": one}}}


def test_a_set_as_a_table():
    rows = tables.set_table(rerank_section(), "1 x 10").splitlines()
    cells = [cell.strip() for cell in rows[-1].strip("|").split("|")]
    # 4 GFLOP in a second on a machine that does 8 (the median of 10 and 6): half of it.
    assert cells == ["darl", "1,000", "10.0", "3.00 [2.00..4.00]", "-", "4.00", "50%", "1e-06"]


def test_a_number_type_that_the_machine_cannot_do_has_no_share():
    assert tables.share_cell(rerank_section(), 4.0, "int8") == "-"


def test_sections_are_merged_on_one_machine_only(tmp_path):
    path = tmp_path / "engine.json"
    settings = {"quick": False}
    Store(path, MACHINE, SUBJECT).save("cold", {"settings": settings, "result": 1})
    again = Store(path, MACHINE, SUBJECT)
    assert again.has("cold", settings)
    assert not again.has("cold", {"quick": True})
    assert not again.has("train", settings)
    again.save("train", {"settings": settings, "result": 2})
    assert list(json.loads(path.read_text(encoding="utf-8"))["sections"]) == ["cold", "train"]
    with pytest.raises(ConfigError, match=r"machine\.cores: the file has 2, this run 4"):
        Store(path, {"cores": 4}, SUBJECT)
    with pytest.raises(ConfigError, match=r"subject\.quick"):
        Store(path, MACHINE, SUBJECT | {"quick": True})


def test_options():
    found = parse(["--only", "train,search", "--seeds", "3,4"])
    assert (found.only, found.seeds, str(found.out)) == (("search", "train"), (3, 4), "docs/results")
    quick = parse(["--quick"])
    assert (str(quick.out), quick.shape, quick.model) == ("runs/engine-quick", "tiny", "smollm2-135m")
    assert (parse([]).shape, parse(["--quick", "--model", "m"]).shape) == (None, None)
    for wrong in (["--only", "speed"], ["--seeds", "a"], ["--pool-max", "0"]):
        with pytest.raises(SystemExit):
            parse(wrong)


def test_the_page_can_write_every_section():
    from benchmarks.engine.options import NEEDS_SEARCH, SECTIONS, SHAPE_NAMES
    from benchmarks.engine.page import WRITERS
    from benchmarks.engine.sections import RUNNERS
    from benchmarks.engine.shapes import SHAPES

    assert set(WRITERS) == set(SECTIONS) == set(RUNNERS)
    assert set(SECTIONS) > NEEDS_SEARCH
    assert set(SHAPE_NAMES) == set(SHAPES)
    assert all(a != b for a, b in itertools.pairwise(SECTIONS))
