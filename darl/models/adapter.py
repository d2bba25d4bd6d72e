"""The trainable low-rank weights on a frozen backbone, through peft."""

from __future__ import annotations

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from darl.errors import ConfigError
from darl.models.config import AdapterConfig


def attach(body: PreTrainedModel, config: AdapterConfig, backbone: str) -> PeftModel:
    """Freeze the body and put a fresh adapter on it: every linear map of its (upper) layers, in float32.

    A fresh adapter changes nothing until it is trained.

    Raises:
        ConfigError: More upper layers are asked for than the backbone has.
    """
    total = int(body.config.get_text_config().num_hidden_layers)
    upper = total if config.upper_layers is None else config.upper_layers
    if upper > total:
        raise ConfigError("adapter", [f"upper_layers: expected 1..{total} for {backbone}, received {upper}"])
    names = _linear_names(body, first=total - upper)
    if not names:
        raise ConfigError("adapter", [f"{backbone}: has no linear map (torch.nn.Linear) to adapt"])
    adapted = get_peft_model(
        body,
        LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,  # type: ignore[arg-type] # annotated int, used as a number
            lora_dropout=config.dropout,
            target_modules=names,
        ),
    )
    if not isinstance(adapted, PeftModel):
        raise ConfigError("adapter", [f"{backbone}: peft cannot adapt it"])
    # Otherwise the folder the weights were loaded from, a path of the user's, would travel with the adapter.
    adapted.peft_config["default"].base_model_name_or_path = backbone
    return adapted


def _linear_names(body: PreTrainedModel, first: int) -> list[str]:
    """The linear maps inside layer `first` and above (so no pooler, embedding or head)."""
    return [
        name
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear)
        and any(part.isdigit() and int(part) >= first for part in name.split(".")[:3])
    ]
