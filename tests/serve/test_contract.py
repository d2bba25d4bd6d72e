"""The interface as it is described, asked in all ways that schemathesis thinks of."""

from __future__ import annotations

import pytest

from tests.serve.made import settings_for

schemathesis = pytest.importorskip("schemathesis")

ADMIN = "admin-key-0123456789"
EXAMPLES = 12
# What a description cannot say: that there are as many of one as of the other; which folders there are.
MAY_REFUSE = ("POST /score", "POST /admin/reload")


def may_be_refused(case):
    """Whether a body that is as described may be wrong nevertheless; texts may also be too long."""
    uncut = isinstance(case.body, dict) and case.body.get("truncate") is False
    return uncut or case.operation.label in MAY_REFUSE


@pytest.fixture(scope="module")
def described(folder):
    """The application's own description."""
    from darl.serve.app import create_app
    from darl.serve.engine import Engine
    from darl.serve.served import Served

    engine = Engine(Served.load(folder), settings_for(folder, admin_keys=(ADMIN,)), Served.load)
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(engine))


ROUTES = [
    *[f"POST {path}" for path in ("/v2/rerank", "/v1/rerank", "/rerank", "/predict", "/score")],
    *[f"POST /admin/{one}" for one in ("reload", "rollback")],
    *[f"GET /{one}" for one in ("health", "ready", "metrics", "drift", "info")],
]


def test_every_route_is_asked(described):
    assert {one.ok().label for one in described.get_all_operations()} == set(ROUTES)


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("label", ROUTES)
def test_a_route_answers_as_it_is_described(described, label, right):
    """In status, type and form, whatever is sent; what is right is accepted, what is wrong refused."""
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.generation.modes import GenerationMode
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    (operation,) = (one.ok() for one in described.get_all_operations() if one.ok().label == label)
    if not right and not operation.body:
        pytest.skip("nothing is sent that could be wrong")
    kind = GenerationMode.POSITIVE if right else GenerationMode.NEGATIVE

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(kind))
    def ask(case):
        reply = case.call(headers={"Authorization": f"Bearer {ADMIN}"})
        assert reply.status_code < 500
        excluded = [positive_data_acceptance] if may_be_refused(case) else []
        case.validate_response(reply, excluded_checks=excluded)

    ask()
