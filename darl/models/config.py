"""What a relevance model is made of, as it stands in an experiment and in a model's darl.json."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from darl.catalogue import Component
from darl.objectives.config import ObjectiveField

Dtype = Literal["auto", "float32", "bfloat16"]
ExportFormat = Literal["float32", "bfloat16", "int8"]
FORMATS: tuple[str, ...] = get_args(ExportFormat)
# What is equal for all pairs stands first, and for all items of a query second: packed rows compute it once.
DEFAULT_PROMPT = "How relevant is the item to the query: {grades}?\nQuery: {query}\nItem: {item}\nRelevance:"


class AdapterConfig(BaseModel):
    """The low-rank adapter (LoRA, Hu et al. 2021, arXiv 2106.09685) that is trained on the frozen backbone.

    Attributes:
        rank: Rank of each update; more rank, more capacity and more to overfit.
        alpha: Scale of the update is alpha / rank.
        dropout: Share of the adapter's inputs dropped in training; drawing the masks costs a CPU up to a
            third of a step, so the default is none.
        upper_layers: Adapt the upper n layers only (cheaper: no gradient flows below them); None = all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rank: int = Field(16, ge=1, le=1024)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    upper_layers: int | None = Field(None, ge=1)


class ModelConfig(BaseModel):
    """A backbone and how it is used.

    Attributes:
        backbone: A built-in name, a local folder, or a hub id (`darl models list`).
        dtype: Of the frozen backbone; "auto" is bfloat16 on a GPU that has it, or on a
            processor that is measured to be faster in it, and float32 elsewhere.
            The adapter and the head are always float32.
        max_length: Tokens of a pair; longer items are cut, then longer queries, never the instruction.
        prompt: Text with {query} and then {item}, any named item fields after {query}, and {grades},
            which lists the grade words. Encoders read only the query and what lies between {item} and the
            last field.
        reading: Of encoders: whether query and item are read "apart", each by itself, and compared (a
            bi-encoder), or "joint", as one sequence in which each sees the other (a cross-encoder). Decoders
            read them jointly. Read apart, each text may have `max_length` tokens.
        grade_words: What the LLM would say for each grade; () = the grade names.
        objective: Loss and decoding; a list of several, each with its weight, is `weighted`.
        adapter: The adapter's shape.
        trust_remote_code: Run Python code that comes with the weights. Off unless asked for here by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str
    dtype: Dtype = "auto"
    max_length: int = Field(256, ge=16)
    prompt: str = DEFAULT_PROMPT
    reading: Literal["apart", "joint"] = "apart"
    grade_words: tuple[str, ...] = ()
    objective: ObjectiveField = Component(name="darl")
    adapter: AdapterConfig = AdapterConfig()
    trust_remote_code: bool = False
