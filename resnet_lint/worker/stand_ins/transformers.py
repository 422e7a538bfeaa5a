"""transformers: the base of its models, their configuration, and the records that they return."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import nn

__all__ = [
    *("ACT2FN", "BertConfig", "GenerationMixin", "ModelOutput", "PreTrainedModel", "PretrainedConfig", "RobertaConfig"),
    *("apply_chunking_to_forward", "get_activation", "prune_linear_layer", "find_pruneable_heads_and_indices"),
    *("BaseModelOutput", "BaseModelOutputWithPooling", "BaseModelOutputWithPoolingAndCrossAttentions"),
    *("BaseModelOutputWithPastAndCrossAttentions", "CausalLMOutput", "MaskedLMOutput", "SequenceClassifierOutput"),
    *("TokenClassifierOutput", "ImageClassifierOutput", "CausalLMOutputWithPast", "PreTrainedConfig"),
]

_COMMON: dict[str, Any] = {
    **{"return_dict": True, "output_attentions": False, "output_hidden_states": False, "use_cache": True},
    **{"is_decoder": False, "is_encoder_decoder": False, "add_cross_attention": False, "tie_word_embeddings": True},
    **{"torchscript": False, "chunk_size_feed_forward": 0, "pruned_heads": {}, "problem_type": None},
    **{"initializer_range": 0.02, "gradient_checkpointing": False, "_attn_implementation": "eager"},
    **{"pad_token_id": None, "bos_token_id": None, "eos_token_id": None},
}


class PretrainedConfig:
    """The settings of a model, all as attributes."""

    model_type = ""

    def __init__(self, **kwargs: Any) -> None:
        self.num_labels = kwargs.pop("num_labels", 2)
        for name, value in {**_COMMON, **kwargs}.items():
            if name != "use_return_dict":
                setattr(self, name, value)

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        self.id2label = {index: f"LABEL_{index}" for index in range(count)}

    @property
    def use_return_dict(self) -> bool:
        return bool(self.return_dict) and not self.torchscript  # type: ignore[attr-defined]

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


PreTrainedConfig = PretrainedConfig


class BertConfig(PretrainedConfig):
    """The settings of BERT, base."""

    def __init__(self, **kwargs: Any) -> None:
        own = {
            **{"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
            **{"intermediate_size": 3072, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "pad_token_id": 0},
            **{"attention_probs_dropout_prob": 0.1, "max_position_embeddings": 512, "type_vocab_size": 2},
            **{"layer_norm_eps": 1e-12, "position_embedding_type": "absolute", "classifier_dropout": None},
        }
        super().__init__(**{**own, **kwargs})


class RobertaConfig(BertConfig):
    """The settings of RoBERTa, base."""

    def __init__(self, **kwargs: Any) -> None:
        own = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1, "pad_token_id": 1}
        super().__init__(**{**own, "layer_norm_eps": 1e-5, **kwargs})


class GenerationMixin:
    """What generates text; it has no bearing on a forward."""


class PreTrainedModel(nn.Module):
    """A module with a configuration."""

    config_class: Any = None
    base_model_prefix = ""

    def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.config = config

    def post_init(self) -> None:
        """Weights have no bearing on shapes."""

    init_weights = tie_weights = post_init

    @property
    def device(self) -> torch.device:
        return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        return next((parameter.dtype for parameter in self.parameters()), torch.float32)

    def get_head_mask(self, head_mask: Any, num_hidden_layers: int, *args: Any) -> Any:
        return [None] * num_hidden_layers if head_mask is None else head_mask

    def get_extended_attention_mask(self, attention_mask: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        extended = attention_mask[:, None, None, :] if attention_mask.dim() == 2 else attention_mask[:, None, :, :]
        return (1.0 - extended.to(self.dtype)) * torch.finfo(self.dtype).min

    invert_attention_mask = get_extended_attention_mask

    def gradient_checkpointing_enable(self, *args: Any) -> None:
        """Shapes are the same with and without."""

    def warn_if_padding_and_no_attention_mask(self, *args: Any) -> None:
        """Do nothing: nothing reads the warning."""


class ModelOutput(OrderedDict[Any, Any]):
    """The outputs of a model by name, by attribute and, without those that are None, by position."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        for name, value in kwargs.items():
            self._set(name, value)

    def __post_init__(self) -> None:
        if is_dataclass(self):
            for field in fields(self):
                value = self.__dict__.get(field.name)
                if value is not None:
                    super().__setitem__(field.name, value)

    def _set(self, name: str, value: Any) -> None:
        self.__dict__[name] = value
        if value is not None:
            super().__setitem__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self.values())


BaseModelOutput = BaseModelOutputWithPooling = BaseModelOutputWithPoolingAndCrossAttentions = ModelOutput
BaseModelOutputWithPastAndCrossAttentions = CausalLMOutput = CausalLMOutputWithPast = MaskedLMOutput = ModelOutput
SequenceClassifierOutput = TokenClassifierOutput = ImageClassifierOutput = ModelOutput

ACT2FN: dict[str, nn.Module] = {
    **{"gelu": nn.GELU(), "gelu_new": nn.GELU(approximate="tanh"), "gelu_fast": nn.GELU(approximate="tanh")},
    **{"gelu_pytorch_tanh": nn.GELU(approximate="tanh"), "quick_gelu": nn.GELU(approximate="tanh")},
    **{"relu": nn.ReLU(), "silu": nn.SiLU(), "swish": nn.SiLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()},
    **{"mish": nn.Mish(), "linear": nn.Identity(), "relu6": nn.ReLU6(), "leaky_relu": nn.LeakyReLU()},
}


def get_activation(name: str) -> nn.Module:
    return ACT2FN[name]


def apply_chunking_to_forward(
    forward: Callable[..., torch.Tensor], chunk_size: int, chunk_dim: int, *inputs: torch.Tensor
) -> torch.Tensor:
    """A forward in parts; the shape is that of the whole."""
    return forward(*inputs)


def find_pruneable_heads_and_indices(heads: Any, *args: Any) -> tuple[Any, torch.Tensor]:
    return heads, torch.empty(0, dtype=torch.long)


def prune_linear_layer(layer: nn.Linear, index: torch.Tensor, dim: int = 0) -> nn.Linear:
    """The layer with some of its rows, or columns."""
    kept = len(index)
    sizes = (layer.in_features, kept) if dim == 0 else (kept, layer.out_features)
    return nn.Linear(*sizes, bias=layer.bias is not None)
