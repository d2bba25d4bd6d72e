"""How much work a set of texts is at least: the tokens that cannot be done without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from darl.models.neural import NeuralRelevanceModel
from darl.pairs import Pair


class Work(NamedTuple):
    """What scoring a set of pairs takes.

    Attributes:
        pairs: How many.
        tokens: Of all texts, without padding.
        distinct: Distinct beginnings among them; see `distinct_tokens`.
        flop: Useful floating point operations; see `useful_flop`.
    """

    pairs: int
    tokens: int
    distinct: int
    flop: float


def distinct_tokens(texts: Iterable[Sequence[int]]) -> int:
    """How many tokens a causal decoder must compute for these texts, however they are laid out.

    A token's state depends on the tokens up to it and on nothing else, so there are as many states to compute
    as there are distinct non-empty beginnings (the nodes of the texts' prefix tree).

    >>> distinct_tokens([[1, 2, 3], [1, 2, 4], [2, 3]])
    6
    """
    number: dict[tuple[int, int], int] = {}
    for text in texts:
        node = 0
        for token in text:
            node = number.setdefault((node, token), len(number) + 1)
    return len(number)


def decoder_parameters(model: NeuralRelevanceModel) -> int:
    """Weights of the decoder's layers: neither the embedding, nor the adapter, nor a head."""
    return sum(
        weight.numel()
        for name, weight in model.scorer.body.named_parameters()
        if "lora_" not in name and "embed" not in name
    )


def useful_flop(parameters: int, distinct: int) -> float:
    """2 x decoder weights x distinct tokens: a multiplication and an addition a weight and token.

    Products of queries and keys, norms and the head are left out, so it is slightly too low, for all
    contenders alike.
    """
    return 2.0 * parameters * distinct


def work_of(model: NeuralRelevanceModel, pairs: Sequence[Pair]) -> Work:
    """What these pairs take, as darl's prompt writes them; the same for every contender."""
    texts = [text["input_ids"] for text in model.prompt.encode(pairs)]
    distinct = distinct_tokens(texts)
    flop = useful_flop(decoder_parameters(model), distinct)
    return Work(len(pairs), sum(map(len, texts)), distinct, flop)
