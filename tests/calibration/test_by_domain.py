import numpy as np
import pytest

from darl.calibration.by_domain import AT_LEAST, Calibrators, large_domains
from darl.calibration.temperature import Temperature
from tests.calibration.made import said_and_true


def two_domains(n_shoes, n_tools):
    """Shoes are three times too sharp, tools half as sharp as they should be."""
    rng = np.random.default_rng(0)
    shoes, tools = said_and_true(rng, n_shoes, sharper=3.0), said_and_true(rng, n_tools, sharper=0.5)
    said, _, grades = (np.concatenate(both) for both in zip(shoes, tools, strict=True))
    return said, grades, np.array(["shoes"] * n_shoes + ["tools"] * n_tools)


def test_each_domain_its_own_and_the_unknown_the_common_one():
    said, grades, domains = two_domains(8000, 8000)
    calibrators = Calibrators.fit(Temperature(), said, grades, domains)
    assert calibrators.domains["shoes"].temperature == pytest.approx(3.0, rel=0.1)
    assert calibrators.domains["tools"].temperature == pytest.approx(0.5, rel=0.1)
    common = Temperature().fit(said, grades)
    for name in ("", "hats"):
        np.testing.assert_array_equal(calibrators.apply(said, np.full(len(said), name)), common.apply(said))
    mixed = np.where(np.arange(len(said)) % 2, "shoes", "hats")
    applied = calibrators.apply(said, mixed)
    np.testing.assert_array_equal(applied[1::2], calibrators.domains["shoes"].apply(said[1::2]))
    np.testing.assert_array_equal(applied[::2], common.apply(said[::2]))


def test_a_small_domain_lies_between_its_own_and_the_common_one():
    said, grades, domains = two_domains(5000, 120)
    calibrators = Calibrators.fit(Temperature(), said, grades, domains)
    alone = Temperature().fit(said[domains == "tools"], grades[domains == "tools"]).temperature
    common = calibrators.everywhere.temperature
    assert alone < calibrators.domains["tools"].temperature < common


def test_its_pairs_and_a_hundred_borrowed_ones_are_what_it_is_fitted_on():
    said, grades, domains = two_domains(400, 100)
    found = Calibrators.fit(Temperature(), said, grades, domains).domains["tools"]
    own = domains == "tools"
    weights = np.where(own, 1 + 100 / 500, 100 / 500)
    np.testing.assert_array_equal(found.apply(said), Temperature().fit(said, grades, weights).apply(said))


def test_only_known_domains_with_enough_pairs():
    names = ["b"] * AT_LEAST + ["a"] * AT_LEAST + ["c"] * (AT_LEAST - 1) + [""] * 500
    assert large_domains(np.array(names)) == ["a", "b"]
    said, grades, _ = two_domains(300, 300)
    assert Calibrators.fit(Temperature(), said, grades).domains == {}
