import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from darl.errors import CheckpointError
from darl.models.folder import faults_of
from darl.models.gguf import convert, hf_name, hf_order
from darl.progress import SILENT
from tests.models.fake_wheels import interleaved, write_gguf
from tests.models.recorder import Recorder


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A quantised tiny llama, converted: its folder and the weights it should have."""
    folder = tmp_path_factory.mktemp("converted")
    weights = write_gguf(folder / "tiny.gguf", quantise=True)
    convert(folder / "tiny.gguf", folder, SILENT)
    return folder, weights


def test_weights_are_the_exact_dequantisation_in_transformers_order(converted):
    folder, expected = converted
    received = load_file(folder / "model.safetensors")
    assert received.keys() == expected.keys()
    for name, weight in expected.items():
        assert received[name].dtype == np.float32
        np.testing.assert_array_equal(received[name], weight, err_msg=name)


def test_the_folder_is_a_whole_model(converted):
    assert faults_of(converted[0]) == []


def test_transformers_computes_the_same_from_the_folder_as_from_the_gguf_file(converted):
    import torch
    from transformers import AutoModelForCausalLM

    folder, _ = converted
    ours = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    theirs = AutoModelForCausalLM.from_pretrained(folder, gguf_file="tiny.gguf", dtype=torch.float32)
    tokens = torch.arange(20).reshape(2, 10)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens).logits, theirs(tokens).logits, rtol=0, atol=0)
    assert ours.dtype == torch.float32
    assert ours.config.rope_parameters["rope_theta"] == 5000.0
    assert ours.config.tie_word_embeddings


def test_an_output_matrix_of_its_own_is_kept_apart(tmp_path):
    weights = write_gguf(tmp_path / "tiny.gguf", output=True)
    convert(tmp_path / "tiny.gguf", tmp_path, SILENT)
    received = load_file(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(received["lm_head.weight"], weights["lm_head.weight"])
    assert not json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"]


def test_the_same_file_gives_the_same_bytes(converted, tmp_path):
    folder, _ = converted
    convert(folder / "tiny.gguf", tmp_path, SILENT)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_the_tokenizer_loads_and_keeps_everything(converted):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(converted[0], local_files_only=True)
    text = "the  cat, 77 été 日本 <user>\n<|im_start|>x<|im_end|>"
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids, skip_special_tokens=True) == text.replace("<|im_start|>", "").replace(
        "<|im_end|>", ""
    )
    special = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id]
    assert special == [1, 2, 2, 0]
    assert tokenizer.model_max_length == 128
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert rendered == "<|im_start|>hi<|im_end|>"


@pytest.mark.parametrize(
    ("pre", "pieces"), [("smollm", ["a", "ĠĠ", "7", "7"]), ("gpt-2", ["a", "Ġ", "Ġ7", "7"])]
)
def test_digits_are_split_first_where_the_file_says_so(tmp_path, pre, pieces):
    write_gguf(tmp_path / "tiny.gguf", pre=pre)
    convert(tmp_path / "tiny.gguf", tmp_path, SILENT)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("a  77").tokens == pieces


def test_progress_counts_the_tensors(converted, tmp_path):
    folder, weights = converted
    progress = Recorder()
    convert(folder / "tiny.gguf", tmp_path, progress)
    assert progress.tasks == [("convert to safetensors", len(weights), "tensors")]
    assert progress.done == [len(weights)]
    assert progress.open == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "gemma"}, "general.architecture is 'gemma'"),
        ({"model": "llama"}, "tokenizer.ggml.model is 'llama'"),
        ({"pre": "qwen2"}, "tokenizer.ggml.pre is 'qwen2': expected one of gpt-2, smollm"),
        (
            {"without": "blk.1.ffn_up.weight"},
            "lacks 1 tensors, the first is model.layers.1.mlp.up_proj.weight",
        ),
    ],
)
def test_what_is_not_known_is_refused(tmp_path, change, said):
    write_gguf(tmp_path / "tiny.gguf", **change)
    with pytest.raises(CheckpointError, match=re.escape(said)):
        convert(tmp_path / "tiny.gguf", tmp_path, SILENT)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"not a gguf file at all", b"GGUF"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "tiny.gguf").write_bytes(content)
    with pytest.raises(CheckpointError, match="not a whole GGUF file"):
        convert(tmp_path / "tiny.gguf", tmp_path, SILENT)


def test_a_truncated_file_is_refused(tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    whole = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a whole GGUF file"):
        convert(tmp_path / "tiny.gguf", tmp_path, SILENT)


@pytest.mark.parametrize("name", ["blk.0.attn_q.bias", "rope_freqs.weight", "blk.0.ffn_gate_exps.weight"])
def test_a_tensor_that_no_plain_llama_has_is_refused(name):
    with pytest.raises(CheckpointError, match=re.escape(name)):
        hf_name(name)


@given(heads=st.integers(1, 6), half=st.integers(1, 5), columns=st.integers(1, 4))
def test_the_order_of_rows_is_put_back(heads, half, columns):
    weight = np.arange(heads * 2 * half * columns, dtype=np.float32).reshape(-1, columns)
    config = {"num_attention_heads": heads, "num_key_value_heads": heads}
    for part in ("attn_q", "attn_k"):
        received = hf_order(f"blk.0.{part}.weight", interleaved(weight, heads), config)
        np.testing.assert_array_equal(received, weight)
    np.testing.assert_array_equal(hf_order("blk.0.attn_v.weight", weight, config), weight)
