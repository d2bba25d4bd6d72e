"""What clients receive: the shapes of the interfaces that schemas.py names, and what we add if asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from darl.grades import GradeScale
from darl.predictions import FloatArray
from darl.serve.answers import Answers


def left_out(value: object) -> bool:
    """Of what was not asked for: these interfaces leave it out, rather than saying null."""
    return value is None


class Grading(BaseModel):
    """What these interfaces have no place for; only where the request has `darl`. None is told as null.

    Attributes:
        grade: The grade that is given.
        grade_probs: Calibrated probability of each grade.
        score: Expected grade, 0 to K - 1, as darl predict writes it.
        ood_score: Larger is further from the training distribution; None: the model keeps no detector.
        ood_percentile: Share of held-out in-distribution pairs that are less unusual, 0 to 100.
        abstain: Whether to rely on none of it; None: no rule says.
    """

    grade: str
    grade_probs: dict[str, float]
    score: float
    ood_score: float | None = None
    ood_percentile: float | None = None
    abstain: bool | None = None


def gradings(answers: Answers, scale: GradeScale) -> list[Grading]:
    """What is told of each of N pairs."""
    columns: dict[str, Sequence[Any]] = {
        "grade": [scale.names[grade] for grade in answers.grades],
        "grade_probs": [dict(zip(scale.names, probs, strict=True)) for probs in answers.grade_probs.tolist()],
        "score": answers.raw_scores.tolist(),
        "ood_score": _listed(answers.ood_scores, len(answers)),
        "ood_percentile": _listed(answers.ood_percentiles, len(answers)),
        "abstain": _listed(answers.abstain, len(answers)),
    }
    return [Grading(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _listed(values: FloatArray | Any, n: int) -> list[Any]:  # noqa: ANN401 # of numbers or of truths
    return [None] * n if values is None else list(values.tolist())


class Text(BaseModel):
    """A document as it was received."""

    text: str


class Result(BaseModel):
    """A document's place in a ranking.

    Attributes:
        index: Its place in the request, from 0.
        relevance_score: Expected grade / (K - 1), 0 to 1.
    """

    index: int
    relevance_score: float
    document: Text | None = Field(None, exclude_if=left_out)
    darl: Grading | None = Field(None, exclude_if=left_out)


class CohereReply(BaseModel):
    """Cohere's: results, the most relevant first."""

    id: str
    results: list[Result]
    meta: dict[str, Any]


class JinaUsage(BaseModel):
    """Tokens that the model read."""

    total_tokens: int
    prompt_tokens: int


class JinaReply(BaseModel):
    """Jina's: results, the most relevant first."""

    id: str
    model: str
    usage: JinaUsage
    results: list[Result]


class Rank(BaseModel):
    """text-embeddings-inference's place of a text in a ranking."""

    index: int
    score: float
    text: str | None = Field(None, exclude_if=left_out)
    darl: Grading | None = Field(None, exclude_if=left_out)


class LabelScore(BaseModel):
    """A grade and its probability, or the logarithm of that."""

    score: float
    label: str


class Score(BaseModel):
    """vLLM's score of a pair."""

    index: int
    object: str = "score"
    score: float
    darl: Grading | None = Field(None, exclude_if=left_out)


class ScoreUsage(BaseModel):
    """Tokens that the model read."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int = 0


class ScoreReply(BaseModel):
    """vLLM's: scores in the order of the pairs."""

    id: str
    object: str = "list"
    created: int = Field(default_factory=lambda: int(time.time()))
    model: str
    data: list[Score]
    usage: ScoreUsage


def results(
    answers: Answers, top_n: int | None, texts: Sequence[str] | None, scale: GradeScale | None
) -> list[Result]:
    """The most relevant first; of equals the earlier.

    Args:
        answers: Of N documents.
        top_n: At most so many; None = all.
        texts: (N,) the documents, where they are asked for.
        scale: The grades, where gradings are asked for.
    """
    told = gradings(answers, scale) if scale else [None] * len(answers)
    scores = answers.scores.tolist()
    return [
        Result(
            index=row,
            relevance_score=scores[row],
            document=None if texts is None else Text(text=texts[row]),
            darl=told[row],
        )
        for row in answers.order[:top_n].tolist()
    ]


def ranks(answers: Answers, raw: bool, texts: Sequence[str] | None, scale: GradeScale | None) -> list[Rank]:
    """The same in text-embeddings-inference's form; `raw` scores are expected grades."""
    told = gradings(answers, scale) if scale else [None] * len(answers)
    scores = (answers.raw_scores if raw else answers.scores).tolist()
    return [
        Rank(index=row, score=scores[row], text=None if texts is None else texts[row], darl=told[row])
        for row in answers.order.tolist()
    ]


def label_scores(answers: Answers, raw: bool, scale: GradeScale) -> list[list[LabelScore]]:
    """Every grade of each pair, the most probable first."""
    table = (answers.log_probs if raw else answers.grade_probs).tolist()
    return [
        sorted(
            (LabelScore(score=score, label=name) for name, score in zip(scale.names, row, strict=True)),
            key=lambda one: -one.score,
        )
        for row in table
    ]


def scores(answers: Answers, scale: GradeScale | None) -> list[Score]:
    """Scores from 0 to 1 in the order of the pairs."""
    told = gradings(answers, scale) if scale else [None] * len(answers)
    values = answers.scores.tolist()
    return [Score(index=row, score=values[row], darl=told[row]) for row in range(len(answers))]
