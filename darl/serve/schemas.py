"""What clients send: the bodies of the ranking routes, as their owners document them, and one field of ours.

* Cohere, "Rerank API (v2)", docs.cohere.com/reference/rerank: `model`, `query`, `documents`, `top_n`,
  `max_tokens_per_doc`.
* Jina AI, "Reranker API", jina.ai/reranker: the same with `return_documents`; documents may be objects.
* Hugging Face, text-embeddings-inference, docs/openapi.json: `query`, `texts`, `truncate`, `raw_scores`,
  `return_text`; `inputs` of /predict.
* vLLM, "Score API", docs.vllm.ai (entrypoints/pooling/score/protocol.py): `text_1`, `text_2`.

Fields that are not known are passed over, as a client of a newer version may send some. `darl` asks for what
these interfaces have no place for; without it answers are theirs, to the letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from darl.pairs import Pair
from darl.serve.errors import FieldFault, InvalidError

Fields = dict[str, str]
DOCUMENT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
            "additionalProperties": True,
        },
    ]
}
EXTRAS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "boolean"},
        {"type": "object", "properties": {"domain": {"type": "string"}}},
        {"type": "null"},
    ],
    "description": "Ask for grades, their probabilities, how unusual a pair is, and whether to rely on none.",
}


class Document(BaseModel):
    """A text, and the further item fields that the model's prompt may read."""

    model_config = ConfigDict(extra="allow", frozen=True)

    text: str

    def fields(self, names: Sequence[str], place: str) -> tuple[tuple[str, str], ...]:
        """The item fields of these names that it has.

        Raises:
            InvalidError: One is no text.
        """
        given = self.model_extra or {}
        found = tuple((name, given[name]) for name in names if given.get(name) is not None)
        wrong = [name for name, value in found if not isinstance(value, str)]
        if wrong:
            faults = [FieldFault(f"{place}.{name}", "expected a text") for name in wrong]
            raise InvalidError("; ".join(f"{field}: {told}" for field, told in faults), faults)
        return found


def _document(value: object) -> object:
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, dict | Document):
        return value
    raise ValueError("expected a text, or an object with a text")


DocumentField = Annotated[Document, BeforeValidator(_document), WithJsonSchema(DOCUMENT_SCHEMA)]


class Extras(BaseModel):
    """What is asked for beside scores.

    Attributes:
        domain: Where the query comes from, as in the training data; a calibration by domain reads it.
    """

    model_config = ConfigDict(frozen=True)

    domain: str = Field("", max_length=200)


def _extras(value: object) -> object:
    return ({} if value else None) if isinstance(value, bool) else value


ExtrasField = Annotated[Extras | None, BeforeValidator(_extras), WithJsonSchema(EXTRAS_SCHEMA)]
Query = Annotated[str, Field(min_length=1)]


class Asked(BaseModel):
    """What every ranking body may say.

    Attributes:
        model: A name of the served model; None = whichever is served.
        truncate: Whether texts longer than the model reads are cut (true) or refused (false); None = as the
            server is set.
        darl: What is asked for beside scores; None = nothing.
    """

    model_config = ConfigDict(frozen=True)

    model: str | None = None
    truncate: bool | None = None
    darl: ExtrasField = None

    def __repr__(self) -> str:
        """Without any text, wherever it may be printed."""
        return f"{type(self).__name__}(...)"

    @property
    def domain(self) -> str:
        """Where the query comes from; "" when unknown."""
        return self.darl.domain if self.darl else ""


class RerankBody(Asked):
    """Cohere's and Jina's: documents of one query.

    Attributes:
        query: The user's text.
        documents: Texts, or objects with a `text` and the item fields that the model's prompt reads.
        top_n: At most so many results; None = all.
        return_documents: Whether results hold their texts; None = as the route's owner has it.
        max_tokens_per_doc: Each document is cut to so many tokens; None = to what the model reads.
    """

    query: Query
    documents: list[DocumentField] = Field(min_length=1)
    top_n: int | None = Field(None, ge=1)
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = Field(None, ge=1)

    def pairs(self, fields: Sequence[str]) -> list[Pair]:
        """The pairs that are to be graded, with these item fields."""
        return [
            Pair("", self.query, "", one.text, self.domain, one.fields(fields, f"documents.{number}"))
            for number, one in enumerate(self.documents)
        ]


class TeiRerankBody(Asked):
    """text-embeddings-inference's /rerank: texts of one query.

    Attributes:
        query: The user's text.
        texts: What is ranked.
        raw_scores: Scores are expected grades, 0 to K - 1, instead of 0 to 1.
        return_text: Whether results hold their texts.
    """

    query: Query
    texts: list[str] = Field(min_length=1)
    raw_scores: bool | None = None
    return_text: bool | None = None

    def pairs(self) -> list[Pair]:
        """The pairs that are to be graded."""
        return [Pair("", self.query, "", text, self.domain) for text in self.texts]


PairTexts = Annotated[list[str], Field(min_length=2, max_length=2)]
PAIR_SCHEMA: dict[str, Any] = {
    "type": "array",
    "prefixItems": [{"type": "string", "minLength": 1}, {"type": "string"}],
    "items": False,
    "minItems": 2,
}
PAIRS_SCHEMA: dict[str, Any] = {
    "anyOf": [PAIR_SCHEMA, {"type": "array", "minItems": 1, "items": PAIR_SCHEMA}]
}


class PredictBody(Asked):
    """text-embeddings-inference's /predict: pairs of any queries, every grade with its score.

    Attributes:
        inputs: A pair [query, item], or a list of pairs.
        raw_scores: Natural logarithms of the probabilities instead of probabilities.
        single: Whether it was one pair without a list around it; never read from the body.
    """

    inputs: Annotated[list[PairTexts], Field(min_length=1), WithJsonSchema(PAIRS_SCHEMA)]
    raw_scores: bool | None = None
    single: SkipJsonSchema[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the body holds
        """A pair by itself is a list of one."""
        if not isinstance(value, dict):
            return value
        inputs = value.get("inputs")
        single = isinstance(inputs, list) and bool(inputs) and isinstance(inputs[0], str)
        return value | {"inputs": [inputs] if single else inputs, "single": single}

    def pairs(self) -> list[Pair]:
        """The pairs that are to be graded.

        Raises:
            InvalidError: A query is empty.
        """
        for number, (query, _) in enumerate(self.inputs):
            if not query:
                raise InvalidError.of(f"inputs.{number}.0", "expected a query, received an empty text")
        return [Pair("", query, "", item, self.domain) for query, item in self.inputs]


def _texts_schema(least: int) -> dict[str, Any]:
    text = {"type": "string", "minLength": least}
    return {"anyOf": [text, {"type": "array", "minItems": 1, "items": text}]}


Texts = Annotated[
    list[str],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
]


class ScoreBody(Asked):
    """vLLM's /score: one query with many items, or as many queries as items.

    Attributes:
        text_1: The query, or queries.
        text_2: The item, or items.
    """

    text_1: Annotated[Texts, WithJsonSchema(_texts_schema(1))]
    text_2: Annotated[Texts, WithJsonSchema(_texts_schema(0))]

    def pairs(self) -> list[Pair]:
        """The pairs that are to be graded.

        Raises:
            InvalidError: Several queries, and another number of items; or a query is empty.
        """
        queries, items = self.text_1, self.text_2
        if len(queries) not in (1, len(items)):
            told = f"expected 1 text, or {len(items)} as in text_2, received {len(queries)}"
            raise InvalidError.of("text_1", told)
        if not all(queries):
            raise InvalidError.of("text_1", "expected a query, received an empty text")
        queries = queries * len(items) if len(queries) == 1 else queries
        return [Pair("", query, "", item, self.domain) for query, item in zip(queries, items, strict=True)]
