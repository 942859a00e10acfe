"""A tiny model of Qwen3.6's architecture with random weights: the whole real path on a CPU.

Four layers (three Gated DeltaNet, one gated attention), hidden size 64, a byte-level tokenizer of
about a thousand tokens trained on the spot, and a chat template that behaves as Qwen's: calls in
XML, tool results in user turns, `enable_thinking`, `preserve_thinking`.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, Qwen3_5ForCausalLM, Qwen3_5TextConfig
from transformers.models.qwen3_5 import tokenization_qwen3_5
from transformers.models.qwen3_5.tokenization_qwen3_5 import Qwen3_5Tokenizer

TEMPLATE = r"""
{%- macro call_text(call) -%}
{{- '<tool_call>\n<function=' + call.name + '>\n' }}
{%- for key, value in call.arguments|items %}
{{- '<parameter=' + key + '>\n' }}
{{- value if value is string else value|tojson }}
{{- '\n</parameter>\n' }}
{%- endfor %}
{{- '</function>\n</tool_call>' }}
{%- endmacro -%}
{%- if tools %}
{{- '<|im_start|>system\n# Tools\n\n<tools>' }}
{%- for tool in tools %}{{- '\n' + tool|tojson }}{%- endfor %}
{{- '\n</tools>' }}
{%- if messages[0].role == 'system' %}{{- '\n\n' + messages[0].content|trim }}{%- endif %}
{{- '<|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\n' + messages[0].content|trim + '<|im_end|>\n' }}
{%- endif %}
{%- set last = namespace(query=-1) %}
{%- for message in messages %}
{%- if message.role == 'user' %}{%- set last.query = loop.index0 %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
{%- if message.role == 'system' %}
{%- if not loop.first %}
{{- raise_exception('System message must be at the beginning.') }}
{%- endif %}
{%- elif message.role == 'user' %}
{{- '<|im_start|>user\n' + message.content|trim + '<|im_end|>\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant\n' }}
{%- if preserve_thinking or loop.index0 > last.query %}
{{- '<think>\n' + (message.reasoning_content or '')|trim + '\n</think>\n\n' }}
{%- endif %}
{{- message.content|trim }}
{%- for call in message.tool_calls or [] %}
{%- if loop.first %}{{- '\n\n' if message.content|trim else '' }}{%- else %}{{- '\n' }}{%- endif %}
{{- call_text(call.function) }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- elif message.role == 'tool' %}
{%- if loop.first or loop.previtem.role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
{{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
{%- if loop.last or loop.nextitem.role != 'tool' %}{{- '<|im_end|>\n' }}{%- endif %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n<think>\n' }}
{%- if enable_thinking is defined and not enable_thinking %}{{- '\n</think>\n\n' }}{%- endif %}
{%- endif %}
""".strip()

_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_MARKS = (
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
)


def build_tiny_model(
    folder: Path, *, seed: int = 0, template: str | None = TEMPLATE, context_window: int = 4096
) -> Path:
    """Save model and tokenizer under `folder` as a checkpoint; deterministic for a seed."""
    tokenizer = _tokenizer()
    tokenizer.chat_template = template
    torch.manual_seed(seed)
    model = Qwen3_5ForCausalLM(tiny_config(len(tokenizer), context_window))
    ends = [tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")]
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=ends[1])
    # Scaled up, so that the next token depends on what came before and not on rounding.
    with torch.no_grad():
        model.lm_head.weight.mul_(20)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_config(vocabulary: int, context_window: int = 4096) -> Qwen3_5TextConfig:
    return Qwen3_5TextConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        linear_num_key_heads=2,
        linear_num_value_heads=6,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
        max_position_embeddings=context_window,
        tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 1e7,
            "partial_rotary_factor": 0.5,
            "mrope_section": [2, 1, 1],
            "mrope_interleaved": True,
        },
    )


def _tokenizer() -> Qwen3_5Tokenizer:
    pattern = tokenization_qwen3_5.PRETOKENIZE_REGEX
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    trained.train_from_iterator([Path(__file__).read_text(encoding="utf-8"), TEMPLATE], trainer)
    state = json.loads(trained.to_str())["model"]
    merges = [tuple(pair) for pair in state["merges"]]
    tokenizer = Qwen3_5Tokenizer(vocab=state["vocab"], merges=merges)
    tokenizer.add_special_tokens({"additional_special_tokens": list(_SPECIAL)})
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    tokenizer.add_tokens(list(_MARKS))
    return tokenizer
