"""From a pair to the text, and the tokens, that a backbone reads."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from darl.errors import ConfigError
from darl.pairs import Pair

if TYPE_CHECKING:  # an experiment's prompt is checked without loading transformers
    from transformers import PreTrainedTokenizerBase

Tokens = dict[str, list[int]]  # input_ids of one text, and what else a backbone reads, a number a token


def template_faults(text: str) -> list[str]:
    """Everything wrong with a prompt template."""
    try:
        parts = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(text)]
    except ValueError as error:
        return [f"prompt: {error}"]
    names = [name for name, _, _ in parts if name is not None]
    faults = [
        f"prompt: expected {{{wanted}}} exactly once, received {names.count(wanted)} times"
        for wanted in ("query", "item")
        if names.count(wanted) != 1
    ]
    if not faults:
        early = [name for name in names[: names.index("query")] if name != "grades"]
        faults += [f"prompt: expected {{{name}}} after {{query}}" for name in early]
    plain = all(
        name is None or (name.isidentifier() and not spec and not conversion)
        for name, spec, conversion in parts
    )
    if not plain or "{{" in text or "}}" in text:
        faults.append("prompt: braces are for plain names such as {query}, {item}, {brand}, {grades} only")
    return faults


def template_fields(text: str) -> tuple[str, ...]:
    """The extra item fields a valid template names, in order."""
    names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    return tuple(name for name in dict.fromkeys(names) if name not in ("query", "item", "grades"))


@dataclass(frozen=True)
class PromptTemplate:
    """A template cut into `opening` QUERY `middle` BODY `closing`; the body is the item with its fields.

    The three literal parts never change from pair to pair and are never truncated. A space before a
    placeholder goes with what follows it, as sub-word vocabularies expect.
    """

    opening: str
    middle: str
    body: str
    closing: str

    @classmethod
    def parse(cls, text: str, grade_words: Sequence[str]) -> PromptTemplate:
        """Cut a template.

        Raises:
            ConfigError: Every fault of the template.
        """
        if faults := template_faults(text):
            raise ConfigError("prompt", faults)
        words = ", ".join(grade_words[:-1]) + " or " + grade_words[-1]
        filled = text.replace("{grades}", words)
        opening, rest = filled.split("{query}")
        first = min(rest.index("{" + name + "}") for name in ("item", *template_fields(text)))
        last = rest.rindex("}") + 1
        return cls(opening, rest[:first], rest[first:last], rest[last:])

    def body_of(self, pair: Pair) -> str:
        """The item with its fields, as one text."""
        fields = {name: pair.field(name) for name in template_fields(self.body)}
        return self.body.format(item=pair.item, **fields)

    def text_of(self, pair: Pair) -> str:
        """The whole prompt, untruncated."""
        return "".join((self.opening, pair.query, self.middle, self.body_of(pair), self.closing))


class CausalPrompt:
    """Tokens for a causal LM: the prompt up to the place where the grade word would come."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: PromptTemplate, max_length: int) -> None:
        self.tokenizer, self.template, self.max_length = tokenizer, template, max_length
        self._opening = self._ids([template.opening.rstrip(" ")], special=True)[0]
        self._middle = self._ids([template.middle.rstrip(" ")])[0]
        self._closing = self._ids([template.closing])[0]
        self.room = max_length - len(self._opening) - len(self._middle) - len(self._closing)
        if self.room < 8:
            raise ConfigError(
                "prompt",
                [f"max_length {max_length} leaves {self.room} tokens for the texts: expected at least 8"],
            )

    def _ids(self, texts: Sequence[str], special: bool = False) -> list[list[int]]:
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=special)["input_ids"]
        return ids

    def encode(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """Tokens of each pair, at most `max_length` long: the item is cut first, then the query."""
        return [{"input_ids": list(chain(*parts))} for parts in self._parts(pairs)]

    def encode_marked(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """The same; `segments` has 1 for the query's and the item's tokens, 0 for the template's."""
        return [
            {
                "input_ids": list(chain(*parts)),
                "segments": [place % 2 for place, part in enumerate(parts) for _ in part],
            }
            for parts in self._parts(pairs)
        ]

    def lengths(self, pairs: Sequence[Pair]) -> list[int]:
        """Tokens that each pair would have if nothing were cut."""
        fixed = self.max_length - self.room
        return [fixed + len(query) + len(body) for query, body in self._whole(pairs)]

    def _parts(self, pairs: Sequence[Pair]) -> Iterator[tuple[list[int], ...]]:
        """Opening, query, middle, body and closing of each pair."""
        for whole, body in self._whole(pairs):
            query = whole[: max(self.room // 2, self.room - len(body))]
            yield self._opening, query, self._middle, body[: self.room - len(query)], self._closing

    def _whole(self, pairs: Sequence[Pair]) -> Iterator[tuple[list[int], list[int]]]:
        """Query and body of each pair, uncut."""
        lead = " " * (self.template.opening != self.template.opening.rstrip(" "))
        queries = list(dict.fromkeys(pair.query for pair in pairs))
        query_ids = dict(zip(queries, self._ids([lead + query for query in queries]), strict=True))
        lead = " " * (self.template.middle != self.template.middle.rstrip(" "))
        bodies = self._ids([lead + self.template.body_of(pair) for pair in pairs])
        for pair, body in zip(pairs, bodies, strict=True):
            yield query_ids[pair.query], body

    def encode_alone(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of texts after the opening; `segments` has 1 for the text's, 0 for the opening's."""
        lead = " " * (self.template.opening != self.template.opening.rstrip(" "))
        room = self.max_length - len(self._opening)
        bodies = [ids[:room] for ids in self._ids([lead + text for text in texts])]
        return [
            {
                "input_ids": [*self._opening, *body],
                "segments": [0] * len(self._opening) + [1] * len(body),
            }
            for body in bodies
        ]

    def grade_word_ids(self, words: Sequence[str]) -> list[int]:
        """The first token of each grade word as it would follow the prompt.

        Raises:
            ConfigError: Two words start with the same token, or a word melts into the prompt's end.
        """
        closing = self._closing
        spelt = self._ids([f"{self.template.closing} {word}" for word in words])
        if any(ids[: len(closing)] != closing or len(ids) == len(closing) for ids in spelt):
            raise ConfigError(
                "grade_words",
                ["the tokenizer melts a grade word into the prompt's end: expected an end such as ':'"],
            )
        first = [ids[len(closing)] for ids in spelt]
        if len(set(first)) < len(first):
            raise ConfigError(
                "grade_words",
                [f"expected words that start with different tokens, received {list(words)}: set grade_words"],
            )
        return first


class EncoderPrompt:
    """Tokens for an encoder: the query and the body as a pair of texts, or each by itself."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        template: PromptTemplate,
        max_length: int,
        reading: Literal["apart", "joint"] = "joint",
    ) -> None:
        self.tokenizer, self.template, self.max_length = tokenizer, template, max_length
        self.reading = reading

    def encode(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """Tokens of each pair: jointly at most `max_length`, the longer text cut first; apart, of each text.

        `segments` has 1 for the query's tokens and 2 for the item's. Of those that tokenizers put around
        texts it has 0 in a joint sequence; apart they are their text's, as in sentence encoders.
        """
        if not pairs:
            return []
        if self.reading == "apart":
            return self._encode_apart(pairs)
        batch = self.tokenizer(
            [pair.query for pair in pairs],
            [self.template.body_of(pair) for pair in pairs],
            truncation="longest_first",
            max_length=self.max_length,
            return_attention_mask=False,
        )
        texts = [{key: values[i] for key, values in batch.items()} for i in range(len(pairs))]
        for i, text in enumerate(texts):
            text["segments"] = [0 if part is None else part + 1 for part in batch.sequence_ids(i)]
        return texts

    def _encode_apart(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """The query's tokens and then the body's."""
        queries = list(dict.fromkeys(pair.query for pair in pairs))
        texts = [*queries, *(self.template.body_of(pair) for pair in pairs)]
        ids = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
        known = dict(zip(queries, ids, strict=False))
        both = zip((known[pair.query] for pair in pairs), ids[len(queries) :], strict=True)
        return [
            {"input_ids": [*query, *body], "segments": [1] * len(query) + [2] * len(body)}
            for query, body in both
        ]

    def lengths(self, pairs: Sequence[Pair]) -> list[int]:
        """Tokens that each pair would have if nothing were cut; apart, those of its longer text."""
        if not pairs:
            return []
        queries, bodies = [pair.query for pair in pairs], [self.template.body_of(pair) for pair in pairs]
        if self.reading == "joint":
            ids = self.tokenizer(queries, bodies, return_attention_mask=False, verbose=False)["input_ids"]
            return [len(one) for one in ids]
        ids = self.tokenizer([*queries, *bodies], return_attention_mask=False, verbose=False)["input_ids"]
        both = zip(ids[: len(pairs)], ids[len(pairs) :], strict=True)
        return [max(len(query), len(body)) for query, body in both]

    def encode_alone(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of single texts; `segments` has 1 for the text's, 0 for special ones."""
        if not texts:
            return []
        batch = self.tokenizer(
            list(texts), truncation=True, max_length=self.max_length, return_attention_mask=False
        )
        return [
            {key: values[i] for key, values in batch.items()}
            | {"segments": [0 if part is None else 1 for part in batch.sequence_ids(i)]}
            for i in range(len(texts))
        ]
