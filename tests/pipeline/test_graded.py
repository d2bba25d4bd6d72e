"""A folder of graded pairs as a pool: what is read back, and what is refused."""

import shutil
import weakref
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darl.data.writers import write_pairs
from darl.errors import CheckpointError, ConfigError, DataError
from darl.models.checkpoint import CALIBRATION, put_files
from darl.pipeline import shards
from darl.pipeline.graded import GradedPool, is_graded, open_graded
from darl.pipeline.predict import predict_to_folder
from darl.pipeline.shards import ShardForm, query_numbers, shard_path
from darl.pipeline.told import Told
from darl.predictions import Decisions
from darl.progress import SILENT
from tests.pipeline.made import PAIRS, Heard, Written, saved_model
from tests.pipeline.made_graded import FORM, SCALE, WIDTH, made_pairs, made_pool, made_predictions


@pytest.fixture(params=[1, 7, 10, 100])
def pool(request, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "READ_ROWS", 4)
    return made_pool(tmp_path / "graded", 25, request.param)


def test_all_rows_come_back_in_their_order(pool):
    heard, parts = Heard(), []
    for part in pool.parts(heard):
        parts.append(part)
    expected, numbers = (
        made_predictions(25, seed=0),
        query_numbers(pa.array([p.query_id for p in made_pairs(25)])),
    )
    assert len(pool) == heard.done == 25
    assert pool.width == WIDTH
    assert [part.start for part in parts] == np.cumsum(
        [0] + [len(part.queries) for part in parts[:-1]]
    ).tolist()
    np.testing.assert_array_equal(np.concatenate([part.queries for part in parts]), numbers)
    for name in ("logits", "grade_probs", "features"):
        read = np.concatenate([getattr(part.predictions, name) for part in parts])
        np.testing.assert_array_equal(read, getattr(expected, name))
        assert read.dtype == getattr(expected, name).dtype


@pytest.mark.parametrize("rows", [[], [0], [24], [3, 4, 5, 11, 24], list(range(25))])
def test_some_rows(pool, rows):
    rows = np.array(rows, np.int64)
    assert pool.pairs(rows) == [made_pairs(25)[row] for row in rows]
    np.testing.assert_array_equal(pool.features(rows), made_predictions(25, seed=0).features[rows])


def test_a_query_has_one_number_in_every_shard():
    names = ["q1", "ü", "q1", "", "q2"]
    numbers = query_numbers(pa.array(names))
    hashed = [
        int.from_bytes(blake2b(n.encode(), digest_size=8).digest(), "little", signed=True) for n in names
    ]
    assert numbers.tolist() == hashed
    assert len(set(numbers.tolist())) == 4
    assert query_numbers(pa.array(["zzz", "q2"]))[1] == numbers[4]
    assert query_numbers(pa.array([], pa.string())).tolist() == []


def test_no_more_than_a_part_of_a_shard_is_in_memory(tmp_path, monkeypatch):
    """However many shards there are: predictions are counted, columns by Arrow's own account."""
    n_shards, size = 12, 500
    monkeypatch.setattr(shards, "READ_ROWS", 100)
    pool = made_pool(tmp_path / "graded", n_shards * size, size)
    before, seen, alive, held = pa.total_allocated_bytes(), [], [], []
    for part in pool.parts(SILENT):
        seen.append(weakref.ref(part.predictions))
        del part
        alive.append(sum(one() is not None for one in seen))
        held.append(pa.total_allocated_bytes() - before)
    assert len(seen) == n_shards * size / 100
    assert max(alive) <= 1
    of_a_shard = shard_path(pool.folder, 0).stat().st_size
    assert max(held) < 3 * of_a_shard


def without(folder, column):
    path = shard_path(folder, 1)
    pq.write_table(pq.read_table(path).drop_columns([column]), path)


def retyped(folder):
    path = shard_path(folder, 1)
    table = pq.read_table(path)
    lists = pa.array(table["features"].to_pylist(), pa.list_(pa.float32()))
    pq.write_table(table.set_column(table.num_columns - 1, "features", lists), path)


def cut(folder):
    path = shard_path(folder, 1)
    path.write_bytes(path.read_bytes()[:-40])


def shortened(folder):
    path = shard_path(folder, 1)
    pq.write_table(pq.read_table(path).slice(1), path)


def widened(folder):
    said = made_predictions(10, 0).with_features(np.ones((10, 3)))
    FORM.write(shard_path(folder, 1), made_pairs(10), said, Told(Decisions.of(said)))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            lambda folder: without(folder, "features"),
            r"part-00001\.parquet: expected the columns .*features, as",
        ),
        (lambda folder: without(folder, "prob_weak"), "expected the columns"),
        (retyped, r"features, as darl writes them, received .*features \(list<.*float"),
        (cut, r"part-00001\.parquet: expected a whole Parquet file"),
        (shortened, "expected 10 rows, received 9"),
        (widened, r"features: expected one width, received \[3, 6\]"),
    ],
)
def test_a_shard_that_is_not_one_is_told(tmp_path, damage, told):
    pool = made_pool(tmp_path / "graded", 25, 10)
    damage(pool.folder)
    with pytest.raises(DataError, match=told):
        GradedPool.of(pool.folder, pool.plan, FORM)


def test_a_damaged_page_is_told_when_it_is_read(tmp_path):
    pool = made_pool(tmp_path / "graded", 200, 200)
    path = shard_path(pool.folder, 0)
    content = bytearray(path.read_bytes())
    content[200:-2000] = bytes(len(content) - 2200)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"part-00000\.parquet: expected a whole Parquet file"):
        list(pool.parts(SILENT))


def test_missing_shards_are_counted(tmp_path):
    pool = made_pool(tmp_path / "graded", 25, 10)
    for number in (1, 2):
        shard_path(pool.folder, number).unlink()
    with pytest.raises(
        ConfigError, match=r"2 of 3 shards are missing, part-00001\.parquet the first: .*--resume"
    ):
        GradedPool.of(pool.folder, pool.plan, FORM)


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_llm):
    return saved_model(tmp_path_factory.mktemp("model") / "model", tiny_llm)


@pytest.fixture(scope="module")
def graded(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("graded")
    write_pairs(folder / "pool.jsonl", PAIRS)
    for name, features in (("with", True), ("bare", False)):
        predict_to_folder(model, folder / "pool.jsonl", folder / name, shard_size=10, features=features)
    return folder


def test_what_predict_wrote_is_a_pool(model, graded):
    assert is_graded(graded / "with")
    assert not is_graded(graded)
    pool = open_graded(graded / "with", model)
    assert (len(pool), pool.form.fields, pool.form.scale) == (25, ("brand",), SCALE)
    assert pool.pairs(np.arange(25)) == PAIRS


def test_another_model_and_no_features_are_told_together(model, graded, tmp_path):
    other = shutil.copytree(model, tmp_path / "model")
    (other / "darl.json").write_text((other / "darl.json").read_text().replace('"irrelevant"', '"no"'))
    with pytest.raises(
        ConfigError, match=r"(?s)\(2 faults\).*graded by another model.*holds no features.*--features"
    ):
        open_graded(graded / "bare", other)
    with pytest.raises(ConfigError, match=r"\(1 fault\)"):
        open_graded(graded / "with", other)


def test_a_model_that_was_calibrated_since_is_the_same(model, graded, tmp_path):
    other = shutil.copytree(model, tmp_path / "model")
    put_files(other, {CALIBRATION: Written(b"some calibration")})
    assert (other / "darl.json").read_text() != (model / "darl.json").read_text()
    assert len(open_graded(graded / "with", other)) == 25


@pytest.mark.parametrize("damage", ["{", '{"origin": {"format": 1}}'])
def test_a_plan_that_cannot_be_read(model, tmp_path, damage):
    (tmp_path / "_plan.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"_plan\.json.*grade the pairs again"):
        open_graded(tmp_path, model)


def test_columns_that_the_features_and_logits_take():
    for name in ("features", "logits"):
        with pytest.raises(ConfigError, match=f"item field of that name, {name}"):
            ShardForm.of(SCALE, ("brand", name), features=True)
        assert ShardForm.of(SCALE, ("brand", name), features=False).fields == ("brand", name)
