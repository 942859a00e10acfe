"""Speed of a model of Qwen3.6-27B's shape on this machine, beside what its memory allows.

    python -m benchmarks.decode_speed --size full --output benchmarks/results/decode_speed.json

Weights are random: speed does not depend on their values, and nothing has to be downloaded.
Measures load time, memory, prefill tokens/s, and decode tokens/s through the engine's own batch
(`eager`) and through one compiled step over a static cache (`compiled`, `--compiled`). Shares are
of the floor: the measured copy bandwidth divided by the bytes each step must read.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig, StaticCache

from agent.model.bandwidth import floor_tokens_per_second, measured_bandwidth
from agent.model.base import GenerationParams
from agent.model.cache import cache_bytes, new_cache
from agent.model.decode_batch import DecodeBatch, Row
from agent.model.loading import free_memory, kernels_in_use
from agent.model.sequence import Answer, Vocabulary

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
_SIZES: dict[str, dict[str, Any]] = {"full": _FULL, "tiny": _TINY}
_PREFILL_CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Tokens per second of `rows` answers together, each with `context` tokens before it."""

    way: str
    rows: int
    context: int
    tokens_per_second: float
    share_of_floor: float


@dataclass(frozen=True, kw_only=True)
class Prefilling:
    """Prompt tokens per second of one prompt."""

    tokens: int
    tokens_per_second: float


def build(size: str, device: str) -> Any:
    """A model with random weights, made on the device itself in bfloat16 (float32 on a CPU)."""
    numbers = dict(_SIZES[size])
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


def prefill(model: Any, tokens: int) -> tuple[Any, float]:
    """A cache of `tokens` random tokens, and the seconds it took."""
    cache = new_cache(model)
    ids = torch.randint(0, 1000, (1, tokens), device=model.device)
    settle()
    started = time.perf_counter()
    for start in range(0, tokens, _PREFILL_CHUNK):
        model(
            input_ids=ids[:, start : start + _PREFILL_CHUNK],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    settle()
    return cache, time.perf_counter() - started


def decode_eager(model: Any, cache: Any, context: int, rows: int, steps: int) -> float:
    """Tokens a second through the engine's batch, sampling included."""
    vocabulary = Vocabulary(decode=lambda _: "", ends=frozenset(), think_close=None, closing=())
    batch = DecodeBatch(model)
    made = [
        Row(
            answer=Answer(
                vocabulary=vocabulary,
                params=GenerationParams(),
                max_tokens=1 << 30,
                seed=index,
                thinking=False,
            ),
            job=None,
            held=[0] * context,
            newest=1,
        )
        for index in range(rows)
    ]
    batch.join(made, [cache] * rows)
    for _ in range(3):
        batch.step()
    settle()
    started = time.perf_counter()
    for _ in range(steps):
        batch.step()
    settle()
    return rows * steps / (time.perf_counter() - started)


def decode_compiled(model: Any, context: int, rows: int, steps: int) -> float:
    """Tokens a second of one compiled step over a static cache, greedy, without sampling.

    What a static cache and CUDA graphs could bring; the engine does not use them.
    """
    cache = StaticCache(config=model.config, max_cache_len=context + steps + 16)
    ids = torch.randint(0, 1000, (rows, context), device=model.device)
    for start in range(0, context, _PREFILL_CHUNK):
        output = model(
            input_ids=ids[:, start : start + _PREFILL_CHUNK],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    mode = "reduce-overhead" if model.device.type == "cuda" else "default"
    step = torch.compile(model, mode=mode, fullgraph=True)
    token = output.logits[:, -1:].argmax(-1)
    position = torch.full((rows, 1), context, device=model.device)
    warm = 4
    for index in range(warm + steps):
        if index == warm:
            settle()
            started = time.perf_counter()
        output = step(
            input_ids=token.clone(),
            position_ids=position.clone(),
            past_key_values=cache,
            use_cache=True,
        )
        token = output.logits[:, -1:].argmax(-1)
        position += 1
    settle()
    return rows * steps / (time.perf_counter() - started)


def settle() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything asked for, as plain data."""
    device = arguments.device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    bandwidth = measured_bandwidth(device)
    started = time.perf_counter()
    model = build(arguments.size, device)
    settle()
    built = time.perf_counter() - started
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    decodings: list[Decoding] = []
    with torch.inference_mode():
        prefill(model, min(arguments.prefill))
        prefills = [_prefilled(model, tokens) for tokens in arguments.prefill]
        cache, _ = prefill(model, arguments.context)
        ways = ["eager", *(["compiled"] if arguments.compiled else [])]
        for way in ways:
            decodings += [
                _decoded(model, way, cache, arguments, rows, bandwidth) for rows in arguments.rows
            ]
    return {
        "conditions": _conditions(arguments, device, model),
        "bandwidth_bytes_per_second": bandwidth,
        "build_seconds": built,
        "weight_bytes": weights,
        "free_bytes": free_memory(device),
        "prefill": [asdict(p) for p in prefills],
        "decode": [asdict(d) for d in decodings],
    }


def _prefilled(model: Any, tokens: int) -> Prefilling:
    _, seconds = prefill(model, tokens)
    return Prefilling(tokens=tokens, tokens_per_second=tokens / seconds)


def _decoded(
    model: Any,
    way: str,
    cache: Any,
    arguments: argparse.Namespace,
    rows: int,
    bandwidth: float,
) -> Decoding:
    context, steps = arguments.context, arguments.steps
    if way == "eager":
        speed = decode_eager(model, cache, context, rows, steps)
    else:
        speed = decode_compiled(model, context, rows, steps)
    floor = floor_tokens_per_second(model, bandwidth, rows=rows, row_bytes=cache_bytes(cache))
    return Decoding(
        way=way, rows=rows, context=context, tokens_per_second=speed, share_of_floor=speed / floor
    )


def _conditions(arguments: argparse.Namespace, device: str, model: Any) -> dict[str, Any]:
    on_gpu = device.startswith("cuda")
    return {
        "size": arguments.size,
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.processor() or "cpu",
        "dtype": str(model.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "steps": arguments.steps,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "kernels": kernels_in_use(model),
    }


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size", choices=_SIZES, default="full")
    parser.add_argument("--device", help="default: the first GPU, else the CPU")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--context", type=int, default=8192, help="tokens before each answer")
    parser.add_argument("--prefill", type=int, nargs="+", default=[8192, 32_768])
    parser.add_argument("--steps", type=int, default=128, help="tokens timed per answer")
    parser.add_argument("--compiled", action="store_true", help="also a compiled static step")
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parse(argv)
    figures = json.dumps(measure(arguments), indent=2)
    print(figures)
    if arguments.output is not None:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(figures + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
