"""From a causal LM's states to log-probabilities of the tokens that come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import safe_open
from torch import Tensor

from darl.errors import ConfigError
from darl.models.head import softcapped

# States, and rows of the vocabulary, that are multiplied at a time: bounds the logits to 32 MiB.
STATES, ROWS = 1024, 8192


@dataclass(frozen=True)
class Vocabulary:
    """A causal LM's map from a state to the logits of all V tokens.

    logits = W state + bias, squashed as the LM squashes them. A W that is not the input embeddings too is not
    kept in memory: it is read from the backbone's folder when it is asked for, and recognised by a few rows.

    Args:
        folder: Where the backbone's weights are.
        tied: W is the body's input embeddings.
        size: (V, D) of W.
        tokens: (K,) tokens whose rows are known.
        rows: (K, D) these rows.
        bias: (V,), or None.
        softcap: c of logits <- c tanh(logits / c), or None.
    """

    folder: Path
    tied: bool
    size: tuple[int, int]
    tokens: tuple[int, ...]
    rows: Tensor
    bias: Tensor | None
    softcap: float | None

    @classmethod
    def of(cls, lm: Any, tokens: Sequence[int], softcap: float | None, folder: Path) -> Self:  # noqa: ANN401
        """That of an LM which was loaded from `folder`."""
        head = lm.get_output_embeddings()
        return cls(
            folder,
            head.weight is lm.get_input_embeddings().weight,
            tuple(head.weight.shape),
            tuple(tokens),
            head.weight[list(tokens)].detach().clone(),
            None if head.bias is None else head.bias.detach().clone(),
            softcap,
        )

    def weight(self, body: Any) -> Tensor:  # noqa: ANN401 # a decoder, with an adapter or without
        """(V, D) W, where the body is.

        Raises:
            ConfigError: No file in the folder has it as a matrix of its own.
        """
        embeddings: Tensor = body.get_input_embeddings().weight.detach()
        return embeddings if self.tied else self._read().to(embeddings.device)

    def _read(self) -> Tensor:
        for path in sorted(self.folder.glob("*.safetensors")):
            with safe_open(path, "pt") as file:
                for name in sorted(file.keys()):
                    part = file.get_slice(name)
                    if tuple(part.get_shape()) == self.size and self._known(part):
                        whole: Tensor = file.get_tensor(name)
                        return whole.to(self.rows.dtype)
        raise ConfigError(
            "features",
            [f"{self.folder}: no file holds its output embeddings as one matrix, so there is no likelihood"],
        )

    def _known(self, part: Any) -> bool:  # noqa: ANN401 # a slice of a safetensors file
        pairs = zip(self.tokens, self.rows, strict=True)
        return all(torch.equal(part[token : token + 1][0].to(row), row) for token, row in pairs)

    def log_probs(self, weight: Tensor, states: Tensor, tokens: Tensor) -> Tensor:
        """(T,) log-probability of a token after each of T states, in float32.

        Args:
            weight: (V, D) W.
            states: (T, D).
            tokens: (T,) the token that came next.
        """
        some = [slice(start, start + STATES) for start in range(0, max(1, len(states)), STATES)]
        return torch.cat([self._log_probs(weight, states[part], tokens[part]) for part in some])

    def _log_probs(self, weight: Tensor, states: Tensor, tokens: Tensor) -> Tensor:
        states = states.float()
        total = torch.full_like(states[:, 0], -torch.inf)
        for start in range(0, len(weight), ROWS):
            some = slice(start, start + ROWS)
            total = torch.logaddexp(total, self._logits(states @ weight[some].float().T, some).logsumexp(1))
        own = (states * weight[tokens].float()).sum(dim=1)
        return self._logits(own, tokens) - total

    def _logits(self, products: Tensor, tokens: slice | Tensor) -> Tensor:
        if self.bias is not None:
            products = products + self.bias.to(products)[tokens]
        return softcapped(products, self.softcap)
