import numpy as np
import pytest

from darl.annotation.catalogue import ANNOTATORS, make_annotator
from darl.catalogue import Component
from darl.errors import AnnotationPending, ConfigError
from tests.annotation.made import PAIRS, SCALE, fill

GOLD = {pair: i % 3 for i, pair in enumerate(PAIRS)}
EVERY = pytest.mark.parametrize("name", sorted(ANNOTATORS))


def make(name, folder):
    path = folder / "round-1.csv"
    return make_annotator(Component.model_validate(name), gold=GOLD, path=path, scale=SCALE)


@EVERY
def test_grades_in_the_order_of_the_pairs(name, tmp_path):
    annotator = make(name, tmp_path)
    try:
        grades = annotator.annotate(PAIRS)
    except AnnotationPending as pending:
        fill(pending.path, [str(GOLD[pair]) for pair in PAIRS])
        grades = make(name, tmp_path).annotate(PAIRS)
    assert isinstance(annotator, ANNOTATORS[name])
    assert grades.dtype == np.int64
    assert grades.tolist() == [GOLD[pair] for pair in PAIRS]


@EVERY
def test_no_pairs(name, tmp_path):
    assert make(name, tmp_path).annotate([]).shape == (0,)
    assert not list(tmp_path.iterdir())


def test_unknown_annotator(tmp_path):
    with pytest.raises(ConfigError, match="unknown name 'crowd': expected one of oracle, spreadsheet"):
        make("crowd", tmp_path)


@EVERY
def test_arguments_it_does_not_take(name, tmp_path):
    with pytest.raises(ConfigError, match="takes no argument 'speed'"):
        make({"name": name, "speed": 3}, tmp_path)
