"""The ranking routes: Cohere's, Jina's, text-embeddings-inference's and vLLM's, over one engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from darl.grades import GradeScale
from darl.pairs import Pair
from darl.serve.answers import Answers
from darl.serve.engine import Cutting, Engine
from darl.serve.errors import (
    ClosingError,
    DeadlineError,
    GoneError,
    InvalidError,
    NotFoundError,
    OverloadedError,
    ScoringError,
    TooLargeError,
    UnauthorizedError,
    described,
)
from darl.serve.keys import may_ask
from darl.serve.replies import (
    CohereReply,
    JinaReply,
    JinaUsage,
    LabelScore,
    Rank,
    ScoreReply,
    ScoreUsage,
    label_scores,
    ranks,
    results,
    scores,
)
from darl.serve.schemas import Asked, PredictBody, RerankBody, ScoreBody, TeiRerankBody
from darl.serve.served import Served

T = TypeVar("T")
ERRORS = described(
    UnauthorizedError,
    NotFoundError,
    TooLargeError,
    InvalidError,
    OverloadedError,
    ScoringError,
    ClosingError,
    DeadlineError,
)


class GuardedRoute(APIRoute):
    """Asks for the key before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the check."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            may_ask(request)
            return await handler(request)

        return guarded


router = APIRouter(route_class=GuardedRoute, responses=ERRORS, tags=["ranking"])


class _Graded(NamedTuple):
    """What a route tells.

    Attributes:
        answers: Of the request's pairs.
        served: The model that gave them.
        extras: Its grades, where the request asks for gradings.
        name: The model's.
        request_id: The request's.
    """

    answers: Answers
    served: Served
    extras: GradeScale | None
    name: str
    request_id: str


async def _graded(
    request: Request,
    body: Asked,
    pairs_of: Callable[[Served], list[Pair]],
    field: str,
    item_tokens: int | None = None,
) -> _Graded:
    """Grade what a body asks for.

    Args:
        request: The request.
        body: Its body.
        pairs_of: The pairs, as this model reads them.
        field: What the body calls the texts, for refusals.
        item_tokens: Items are cut to so many tokens first; None = they are not.
    """
    engine: Engine = request.app.state.engine
    settings = engine.settings
    if body.model is not None and body.model not in settings.names:
        known = ", ".join(settings.names)
        raise NotFoundError(f"model: no such model is served: expected one of {known}, or none")
    served = engine.served
    pairs = pairs_of(served)
    if len(pairs) > settings.max_documents:
        raise TooLargeError(
            f"{field}: expected at most {settings.max_documents:,}, received {len(pairs):,}: send parts"
        )
    refuse = body.truncate is False or (body.truncate is None and settings.too_long == "refuse")
    cutting = Cutting(refuse, item_tokens, [f"{field}.{row}" for row in range(len(pairs))])
    told = request.scope.setdefault("darl.log", {})
    told["pairs"] = len(pairs)
    if settings.log_text:
        told["texts"] = [[pair.query, pair.item] for pair in pairs]
    answers = await _unless_gone(request, engine.grade(served, pairs, cutting))
    told["tokens"] = answers.tokens
    extras = served.scale if body.darl else None
    return _Graded(answers, served, extras, settings.names[0], request.scope["darl.request_id"])


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives; it is dropped as soon as nobody waits for it.

    Raises:
        GoneError: The client went away.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise GoneError("the client went away")
    finally:
        gone.cancel()
        task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _texts(body: RerankBody, wanted: bool) -> Sequence[str] | None:
    return [document.text for document in body.documents] if wanted else None


async def _reranked(request: Request, body: RerankBody) -> _Graded:
    return await _graded(
        request, body, lambda served: body.pairs(served.fields), "documents", body.max_tokens_per_doc
    )


@router.post("/v2/rerank", summary="Rerank, as Cohere's API has it")
async def cohere_rerank(request: Request, body: RerankBody) -> CohereReply:
    """Documents of one query, the most relevant first; scores are expected grade / (K - 1), 0 to 1."""
    graded = await _reranked(request, body)
    texts = _texts(body, body.return_documents is True)
    return CohereReply(
        id=graded.request_id,
        results=results(graded.answers, body.top_n, texts, graded.extras),
        meta={"api_version": {"version": "2"}, "tokens": {"input_tokens": graded.answers.tokens}},
    )


@router.post("/v1/rerank", summary="Rerank, as Jina's API has it")
async def jina_rerank(request: Request, body: RerankBody) -> JinaReply:
    """Documents of one query, the most relevant first, with their texts unless return_documents is false."""
    graded = await _reranked(request, body)
    texts = _texts(body, body.return_documents is not False)
    tokens = graded.answers.tokens
    return JinaReply(
        id=graded.request_id,
        model=graded.name,
        usage=JinaUsage(total_tokens=tokens, prompt_tokens=tokens),
        results=results(graded.answers, body.top_n, texts, graded.extras),
    )


@router.post("/rerank", summary="Rerank, as text-embeddings-inference has it")
async def tei_rerank(request: Request, body: TeiRerankBody) -> list[Rank]:
    """Texts of one query, the most relevant first."""
    graded = await _graded(request, body, lambda served: body.pairs(), "texts")
    return ranks(
        graded.answers, bool(body.raw_scores), body.texts if body.return_text else None, graded.extras
    )


@router.post("/predict", summary="Every grade of a pair, as text-embeddings-inference has it")
async def tei_predict(request: Request, body: PredictBody) -> list[LabelScore] | list[list[LabelScore]]:
    """Every grade with its calibrated probability, the most probable first."""
    graded = await _graded(request, body, lambda served: body.pairs(), "inputs")
    told = label_scores(graded.answers, bool(body.raw_scores), graded.served.scale)
    return told[0] if body.single else told


@router.post("/v1/score", include_in_schema=False)
@router.post("/score", summary="Score pairs, as vLLM has it")
async def vllm_score(request: Request, body: ScoreBody) -> ScoreReply:
    """Scores from 0 to 1, in the order of the pairs."""
    graded = await _graded(request, body, lambda served: body.pairs(), "text_2")
    tokens = graded.answers.tokens
    return ScoreReply(
        id=f"score-{graded.request_id}",
        model=graded.name,
        data=scores(graded.answers, graded.extras),
        usage=ScoreUsage(prompt_tokens=tokens, total_tokens=tokens),
    )
