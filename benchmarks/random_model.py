"""Models of Qwen3.6-27B's architecture with random weights, of its full size and tiny.

Speed does not depend on what the weights are, and nothing has to be downloaded.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

_FULL = {
    "vocab_size": 248_320,
    "hidden_size": 5120,
    "intermediate_size": 17_408,
    "num_hidden_layers": 64,
    "num_attention_heads": 24,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 48,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
    "max_position_embeddings": 262_144,
    "sections": [11, 11, 10],
    "rotary": 0.25,
}
_TINY = {
    **_FULL,
    "vocab_size": 1024,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 6,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "max_position_embeddings": 65_536,
    "sections": [2, 1, 1],
    "rotary": 0.5,
}
SIZES: dict[str, dict[str, Any]] = {"full": _FULL, "tiny": _TINY}


def build(size: str, device: str) -> Any:
    """A model with random weights, made on the device itself in bfloat16 (float32 on a CPU)."""
    numbers = dict(SIZES[size])
    rope = {
        "rope_type": "default",
        "rope_theta": 1e7,
        "partial_rotary_factor": numbers.pop("rotary"),
        "mrope_section": numbers.pop("sections"),
        "mrope_interleaved": True,
    }
    config = Qwen3_5TextConfig(**numbers, rope_parameters=rope, tie_word_embeddings=False)
    torch.set_default_dtype(torch.bfloat16 if device.startswith("cuda") else torch.float32)
    with torch.device(device):
        model = Qwen3_5ForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    return model
