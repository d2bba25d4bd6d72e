"""Components as they are typed."""

from __future__ import annotations

import re

import pytest

from darl.cli.options import parse_component, parse_objective
from darl.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("knn", {"name": "knn"}),
        ("knn:", {"name": "knn"}),
        ("knn:k=5,metric=cosine", {"name": "knn", "k": 5, "metric": "cosine"}),
        ("ood_band:per_query=null, upper=1", {"name": "ood_band", "per_query": None, "upper": 1}),
        ("{name: knn, k: 5}", {"name": "knn", "k": 5}),
        (" {name: knn}", {"name": "knn"}),
        (
            "{name: mixture, strategies: [random, {name: margin}], shares: [0.5, 0.5]}",
            {"name": "mixture", "strategies": ["random", {"name": "margin"}], "shares": [0.5, 0.5]},
        ),
    ],
)
def test_both_ways_to_type_a_component(text, component):
    assert parse_component(text) == component


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("knn:k", "expected NAME:KEY=VALUE,... or {name: NAME, ...}, received 'knn:k'"),
        ("mixture:shares=[0.5,0.5]", "shares: '[0.5' is not YAML (lists: {name: NAME, KEY: VALUE, ...})"),
        ("{name: knn", "'{name: knn' is not YAML: expected ',' or '}'"),
        ("{name: knn} k", "is not YAML"),
        (
            "{name:knn}",
            "expected {name: NAME, KEY: VALUE, ...}, a space after each colon, received '{name:knn}'",
        ),
        ("{k: 5}", "expected {name: NAME, KEY: VALUE, ...}"),
        ("{name: [knn]}", "expected {name: NAME, KEY: VALUE, ...}"),
        ("{}", "expected {name: NAME, KEY: VALUE, ...}"),
    ],
)
def test_what_is_no_component(text, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        parse_component(text)


def test_objectives_may_be_typed_as_components_and_as_lists():
    for text in ("focal:gamma=1", "{name: weighted, terms: [softmax], weights: [2]}"):
        assert parse_objective(text) == parse_component(text)
    typed = " [softmax, {name: in_query_contrast, margin: 2, weight: 0.2}]"
    assert parse_objective(typed) == ["softmax", {"name": "in_query_contrast", "margin": 2, "weight": 0.2}]
    with pytest.raises(ConfigError, match="is not YAML"):
        parse_objective("[softmax")
