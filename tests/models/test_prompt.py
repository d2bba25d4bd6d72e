"""From pairs to tokens: what is cut, what is never cut, what is refused."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from darl.errors import ConfigError
from darl.models.config import DEFAULT_PROMPT
from darl.models.prompt import CausalPrompt, EncoderPrompt, PromptTemplate, template_faults, template_fields
from darl.pairs import Pair

WORDS = ("irrelevant", "weak", "strong")
PAIR = Pair("q", "warm coat", "i", "lined parka", fields=(("brand", "northern wool"),))


@pytest.fixture
def tokenizer(tiny_llm):
    return AutoTokenizer.from_pretrained(tiny_llm)


def causal(tokenizer, text=DEFAULT_PROMPT, max_length=200):
    return CausalPrompt(tokenizer, PromptTemplate.parse(text, WORDS), max_length)


def test_tokens_spell_the_prompt(tokenizer):
    ids = causal(tokenizer).encode([PAIR])[0]["input_ids"]
    assert tokenizer.decode(ids) == (
        "How relevant is the item to the query: irrelevant, weak or strong?\n"
        "Query: warm coat\nItem: lined parka\nRelevance:"
    )


def test_fields_are_filled_in_and_absent_ones_are_empty(tokenizer):
    text = "{query} | {item} by {brand}, {colour}:"
    assert template_fields(text) == ("brand", "colour")
    ids = causal(tokenizer, text).encode([PAIR])[0]["input_ids"]
    assert tokenizer.decode(ids) == "warm coat | lined parka by northern wool, :"


def test_a_long_item_is_cut_and_the_instruction_is_not(tokenizer):
    long = PAIR._replace(item="parka " * 500)
    ids = causal(tokenizer, max_length=64).encode([long])[0]["input_ids"]
    assert len(ids) == 64
    text = tokenizer.decode(ids)
    assert text.startswith(
        "How relevant is the item to the query: irrelevant, weak or strong?\nQuery: warm coat\n"
    )
    assert text.endswith("parka\nRelevance:")


def test_a_long_query_is_cut_to_half_the_room_when_the_item_is_long_too(tokenizer):
    prompt = causal(tokenizer, max_length=64)
    both = PAIR._replace(query="coat " * 500, item="parka " * 500)
    assert len(prompt.encode([both])[0]["input_ids"]) == 64
    text = tokenizer.decode(prompt.encode([both])[0]["input_ids"])
    assert "parka" in text
    alone = PAIR._replace(query="coat " * 500, item="hat")
    assert "hat" in tokenizer.decode(prompt.encode([alone])[0]["input_ids"])


def test_no_room_for_the_texts(tokenizer):
    with pytest.raises(ConfigError, match="leaves"):
        causal(tokenizer, max_length=20)


def test_braces_in_texts_are_only_text(tokenizer):
    odd = PAIR._replace(query="{item} {x}", item="100% {wool}")
    assert "Item: 100% {wool}\n" in tokenizer.decode(causal(tokenizer).encode([odd])[0]["input_ids"])


def test_encoders_read_query_and_body_as_two_texts(tiny_encoder):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    prompt = EncoderPrompt(tokenizer, PromptTemplate.parse("{query} / {item} by {brand}:", WORDS), 64)
    ids = prompt.encode([PAIR])[0]["input_ids"]
    assert tokenizer.decode(ids) == "[CLS]warm coat[SEP]lined parka by northern wool[SEP]"
    long = PAIR._replace(item="parka " * 500)
    assert len(prompt.encode([long])[0]["input_ids"]) == 64


class OneTokenAText:
    """A vocabulary so greedy that any text is one token."""

    def __call__(self, texts, add_special_tokens):
        return {"input_ids": [[sum(map(ord, text))] for text in texts]}


def test_a_vocabulary_that_melts_a_grade_word_into_the_prompt():
    with pytest.raises(ConfigError, match="melts"):
        causal(OneTokenAText()).grade_word_ids(WORDS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{item}", "{query} exactly once, received 0"),
        ("{query} {query} {item}", "received 2"),
        ("{item} {query}", "expected {item} after {query}"),
        ("{brand} {query} {item}", "expected {brand} after {query}"),
        ("{query} {item!r}", "plain names"),
        ("{query} {item} {0}", "plain names"),
        ("{query} {item} {}", "plain names"),
        ("say {{query}} {query} {item}", "plain names"),
        ("{query} {item} {", "prompt:"),
    ],
)
def test_faults(text, fault):
    assert any(fault in line for line in template_faults(text))
    with pytest.raises(ConfigError):
        PromptTemplate.parse(text, WORDS)


@pytest.mark.parametrize("kind", ["llm", "encoder"])
def test_lengths_are_those_of_uncut_texts(kind, request):
    tokenizer = AutoTokenizer.from_pretrained(request.getfixturevalue(f"tiny_{kind}"))
    template = PromptTemplate.parse("{query} / {item} by {brand}:", WORDS)
    make = {"llm": CausalPrompt, "encoder": EncoderPrompt}[kind]
    pairs = [PAIR, PAIR._replace(item="parka " * 90), PAIR._replace(query="coat " * 80)]
    roomy, tight = make(tokenizer, template, 1000), make(tokenizer, template, 64)
    whole = [len(text["input_ids"]) for text in roomy.encode(pairs)]
    assert roomy.lengths(pairs) == tight.lengths(pairs) == whole
    assert [length > 64 for length in whole] == [False, True, True]
    assert tight.lengths([]) == []
