import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from darl.errors import NotFittedError, ShapeError
from darl.ood.catalogue import DETECTORS
from darl.ood.entropy import Entropy
from darl.ood.knn import KNN
from darl.ood.max_softmax import MaxSoftmax
from tests.ood.made import SMALL, as_read_by, far, in_dist

EVERY = pytest.mark.parametrize("name", sorted(DETECTORS))


def made(name):
    return DETECTORS[name](**SMALL.get(name, {}))


def fitted(name, n_features=40):
    predictions, grades = in_dist(60, np.random.default_rng(0), n_features, np.float32)
    return made(name).fit(as_read_by(name, predictions), grades)


@EVERY
def test_through_a_file_and_back(name, tmp_path):
    """To the last bit, in blocks of any size."""
    detector = fitted(name)
    save_file(detector.state(), tmp_path / "state.safetensors")
    restored = made(name).restored(load_file(tmp_path / "state.safetensors"))
    query = as_read_by(name, far(33, np.random.default_rng(1), 40, np.float32))
    for n in (1, 2, 33):
        for part in (query[i : i + n] for i in range(0, 33, n)):
            np.testing.assert_array_equal(restored.score(part), detector.score(part))
    again = restored.state()
    assert again.keys() == detector.state().keys()
    for key, array in detector.state().items():
        assert (again[key].dtype, again[key].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(again[key], array)


@EVERY
def test_arrays_are_plain_and_named(name):
    for key, array in fitted(name).state().items():
        assert isinstance(array, np.ndarray)
        assert array.dtype in (np.float32, np.float64, np.int64)
        assert array.flags["C_CONTIGUOUS"]
        assert "." in key


@EVERY
def test_the_detector_and_its_state_share_nothing(name):
    detector, query = fitted(name), as_read_by(name, far(5, np.random.default_rng(1), 40))
    scores, state = detector.score(query), detector.state()
    restored = made(name).restored(state)
    for array in state.values():
        array[...] = 1
    np.testing.assert_array_equal(detector.score(query), scores)
    np.testing.assert_array_equal(restored.score(query), scores)


@EVERY
def test_an_unfitted_detector_has_none(name):
    with pytest.raises(NotFittedError, match=r"detector = detector\.fit"):
        made(name).state()


@EVERY
def test_the_detector_that_restores_stays_unfitted(name):
    detector = made(name)
    detector.restored(fitted(name).state())
    with pytest.raises(NotFittedError):
        detector.state()


@EVERY
def test_predictions_of_another_model_are_refused(name):
    restored = made(name).restored(fitted(name).state())
    width = fitted(name)._widths[2]
    with pytest.raises(ShapeError, match=rf"\(3, 3, {width}\).*received \(3, 3, 7\)"):
        restored.score(far(3, np.random.default_rng(1), 7))


@EVERY
@pytest.mark.parametrize("other", sorted(DETECTORS))
def test_the_state_of_another_is_refused(name, other):
    if name != other:
        with pytest.raises(ShapeError, match=r"expected a state of .*, received .*give what state\(\)"):
            made(name).restored(fitted(other).state())


@EVERY
def test_every_array_is_asked_for(name):
    state = fitted(name).state()
    for key in state:
        with pytest.raises(ShapeError, match=r"expected a state of .*, received "):
            made(name).restored({k: array for k, array in state.items() if k != key})
    with pytest.raises(ShapeError, match=r"expected a state of .*, received .*7\.extra"):
        made(name).restored(state | {"7.extra": np.zeros(3)})
    with pytest.raises(ShapeError, match="received nothing"):
        made(name).restored({})


@EVERY
@pytest.mark.parametrize(
    "spoil",
    [
        lambda array: array[..., None],
        lambda array: array.astype(np.float16),
        lambda array: array.astype(np.complex128),
    ],
    ids=["dimensions", "float16", "complex"],
)
def test_every_form_is_checked(name, spoil):
    state = fitted(name).state()
    for key, array in state.items():
        with pytest.raises(ShapeError, match=rf"{key.split('.', -1)[-1]}: expected \w+ \(.*\), received "):
            made(name).restored(state | {key: spoil(array)})


@EVERY
def test_every_size_is_checked(name):
    """Each array has a size that another one, or the model, fixes too; only `rows` and `unit` go together."""
    state = fitted(name).state()
    for key, array in state.items():
        if array.ndim:
            with pytest.raises(ShapeError, match=r"expected .*, received "):
                made(name).restored(state | {key: array.repeat(2, axis=-1)})
            with pytest.raises(ShapeError, match=r"expected .*, received "):
                made(name).restored(state | {key: array[..., :0]})


@EVERY
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_are_finite(name, value):
    state = fitted(name).state()
    for key, array in state.items():
        if np.issubdtype(array.dtype, np.floating):
            with pytest.raises(ShapeError, match="expected finite numbers"):
                made(name).restored(state | {key: np.full_like(array, value)})


def test_messages_say_what_was_expected():
    state = fitted("knn").state()
    with pytest.raises(
        ShapeError, match=r"^KNN\.unit: expected float32 \(M, 40\), received float32 \(60, 6\)$"
    ):
        KNN().restored(state | {"KNN.unit": state["KNN.unit"][:, :6]})
    with pytest.raises(ShapeError, match=r"^KNN\.rows: expected int64 \(60\), received int64 \(9,\)$"):
        KNN().restored(state | {"KNN.rows": state["KNN.rows"][:9]})
    with pytest.raises(
        ShapeError, match=r"^Entropy: expected a state of Entropy\.widths, received MaxSoftmax\.widths"
    ):
        Entropy().restored(fitted("max_softmax").state())


def test_there_is_at_least_one_centre():
    state = fitted("mahalanobis").state()
    with pytest.raises(ShapeError, match=r"centres: expected float64 \(G, 40\), received float64 \(0, 40\)"):
        made("mahalanobis").restored(state | {"Mahalanobis.centres": np.empty((0, 40))})


def test_arguments_that_the_state_cannot_serve():
    with pytest.raises(ShapeError, match="at least k=61 training pairs, received 60"):
        KNN(61).restored(fitted("knn").state())


def test_an_ensemble_asks_for_members_of_one_model():
    state = fitted("ensemble").state()
    ensemble = made("ensemble")
    with pytest.raises(ShapeError, match="as many detectors, all of the same widths"):
        ensemble.restored(state | {"2.Entropy.widths": np.array([3, 3, 41])})
    halved = {key: state[key][:2] for key in ("Ensemble.scores", "Ensemble.places")}
    with pytest.raises(ShapeError, match="as many detectors, all of the same widths"):
        ensemble.restored(state | halved)
    with pytest.raises(
        ShapeError, match=r"Entropy: expected a state of Entropy\.widths, received MaxSoftmax"
    ):
        type(ensemble)([MaxSoftmax(), Entropy()]).restored(
            {"0.MaxSoftmax.widths": np.array([3, 3, 40]), "1.MaxSoftmax.widths": np.array([3, 3, 40])}
        )
