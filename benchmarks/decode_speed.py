"""Speed of a model of Qwen3.6-27B's shape on this machine, beside what its memory allows.

    python -m benchmarks.decode_speed --size full --compiled --folder /tmp/random-27b \
        --output benchmarks/results/decode-speed.json

Measures load time, peak memory, prefill, and decoding through the engine's own batch (`eager`),
with its decoder layers compiled (`layers`, as `repair model serve --compile`), and through one
compiled step over a static cache (`compiled`, on a GPU a CUDA graph; the engine has none). Where
fast kernels are installed, prefill and eager decoding are measured with them and in plain torch.
A share of decoding is of the measured copy bandwidth divided by the bytes each step must read; one
of prefill is of a large matrix product's speed divided by two operations for each weight and token.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import inspect
import json
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import Qwen3_5ForCausalLM

from agent.model.base import GenerationParams
from agent.model.local.device_limits import (
    floor_tokens_per_second,
    measured_bandwidth,
    prefill_floor,
)
from agent.model.local.generation.cache import cache_bytes, new_cache
from agent.model.local.generation.compiled_layers import compile_layers
from agent.model.local.generation.decoding import DecodeBatch, Row
from agent.model.local.generation.sequence import GeneratedSequence, Vocabulary
from agent.model.local.loading import kernels_in_use
from agent.model.open import COMPILER
from benchmarks.compiled_step import CompiledTooLong, at_most, decode_compiled
from benchmarks.random_model import SIZES, build
from benchmarks.reporting import conditions, say, write_result

_PREFILL_CHUNK = 4096
_WARM_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """Tokens per second of `rows` answers together, each with `context` tokens before it."""

    way: str
    kernels: str
    rows: int
    context: int
    tokens_per_second: float | None
    """None where it could not be measured."""
    floor_tokens_per_second: float
    """If reading weights and caches once a step were the only limit."""
    share_of_floor: float | None
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Prefilling:
    """Prompt tokens per second of one prompt."""

    kernels: str
    tokens: int
    tokens_per_second: float
    share_of_floor: float


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


def decode_eager(
    model: Any,
    cache: Any,
    context: int,
    rows: int,
    steps: int,
    warming: AbstractContextManager[None] | None = None,
) -> float:
    """Tokens a second through the engine's batch, sampling included; `warming` holds around the
    first steps, which are not timed."""
    vocabulary = Vocabulary(decode=lambda _: "", ends=frozenset(), think_close=None, closing=())
    batch = DecodeBatch(model)
    made = [
        Row(
            answer=GeneratedSequence(
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
    with warming or nullcontext():
        for _ in range(_WARM_STEPS):
            batch.step()
    settle()
    started = time.perf_counter()
    for _ in range(steps):
        batch.step()
    settle()
    return rows * steps / (time.perf_counter() - started)


@contextmanager
def plain_torch(model: Any) -> Iterator[None]:
    """The model's module with the reference implementation of every replaceable kernel."""
    module = importlib.import_module(type(model).__module__)
    fast = {name: getattr(module, name) for name in kernels_in_use(model)}
    for name, function in fast.items():
        setattr(module, name, _reference(function))
    try:
        yield
    finally:
        for name, function in fast.items():
            setattr(module, name, function)


def _reference(function: Callable[..., Any]) -> Callable[..., Any]:
    plain = inspect.unwrap(function)
    taken = set(inspect.signature(plain).parameters)

    @wraps(plain)
    def call(*arguments: Any, **keywords: Any) -> Any:
        return plain(*arguments, **{k: v for k, v in keywords.items() if k in taken})

    return call


@contextmanager
def compiled_layers(model: Any) -> Iterator[None]:
    """The model with its decoder layers compiled; afterwards as it was."""
    compile_layers(model, COMPILER)
    try:
        yield
    finally:
        for layer in model.get_decoder().layers:
            del layer.forward


class Bench:
    """One model, and what is measured of it."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.device = arguments.device or ("cuda:0" if torch.cuda.is_available() else "cpu")
        self.bandwidth = measured_bandwidth(self.device)
        self.peaks: dict[str, int] = {}
        self.decodings: list[Decoding] = []
        self.prefills: list[Prefilling] = []
        self.load_seconds: float | None = None
        self.model = self._loaded()
        self.prefill_floor = prefill_floor(self.model)

    def measure(self) -> dict[str, Any]:
        with torch.inference_mode():
            self._eager(self._installed)
            if self._installed != "torch":
                with plain_torch(self.model):
                    self._eager("torch")
            if self.arguments.compiled:
                self._layers()
                self._compiled()
        return {
            "conditions": self._conditions(),
            "bandwidth_bytes_per_second": self.bandwidth,
            "prefill_floor_tokens_per_second": self.prefill_floor,
            "load_seconds": self.load_seconds,
            "weight_bytes": sum(p.numel() * p.element_size() for p in self.model.parameters()),
            "peak_bytes": self.peaks,
            "prefill": [asdict(one) for one in self.prefills],
            "decode": [asdict(one) for one in self.decodings],
        }

    @property
    def _installed(self) -> str:
        """The packages that the model's kernels come from."""
        return ", ".join(sorted(set(kernels_in_use(self.model).values())))

    def _loaded(self) -> Any:
        """The model; with a folder, as it is read back from there."""
        folder: Path | None = self.arguments.folder
        if folder is None:
            return self._peaking("load", lambda: build(self.arguments.size, self.device))
        if not (folder / "config.json").is_file():
            build(self.arguments.size, self.device).save_pretrained(folder)
            self._forget()
        return self._peaking("load", lambda: self._timed_load(folder))

    def _timed_load(self, folder: Path) -> Any:
        started = time.perf_counter()
        model = Qwen3_5ForCausalLM.from_pretrained(
            folder, dtype="auto", device_map={"": self.device}
        ).eval()
        settle()
        self.load_seconds = time.perf_counter() - started
        return model

    def _eager(self, kernels: str) -> None:
        context, steps = self.arguments.context, self.arguments.steps
        prefill(self.model, min(self.arguments.prefill))
        for tokens in self.arguments.prefill:
            _, seconds = self._peaking(
                f"prefill {tokens}, {kernels}", lambda tokens=tokens: prefill(self.model, tokens)
            )
            self.prefills.append(
                Prefilling(
                    kernels=kernels,
                    tokens=tokens,
                    tokens_per_second=tokens / seconds,
                    share_of_floor=tokens / seconds / self.prefill_floor,
                )
            )
        cache, _ = prefill(self.model, context)
        for rows in self.arguments.rows:
            self._decode(
                "eager",
                kernels,
                rows,
                cache,
                lambda rows=rows: decode_eager(self.model, cache, context, rows, steps),
            )

    def _layers(self) -> None:
        context, steps = self.arguments.context, self.arguments.steps
        cache, _ = prefill(self.model, context)
        with compiled_layers(self.model):
            for rows in self.arguments.rows:
                limit = at_most(self.arguments.compile_seconds)
                self._decode(
                    "layers",
                    self._installed,
                    rows,
                    cache,
                    lambda rows=rows, limit=limit: decode_eager(
                        self.model, cache, context, rows, steps, limit
                    ),
                )

    def _compiled(self) -> None:
        context, steps = self.arguments.context, self.arguments.steps
        most = self.arguments.compile_seconds
        cache, _ = prefill(self.model, context)
        for rows in self.arguments.rows:
            self._decode(
                "compiled",
                self._installed,
                rows,
                cache,
                lambda rows=rows: decode_compiled(self.model, context, rows, steps, most),
            )

    def _decode(
        self, way: str, kernels: str, rows: int, cache: Any, work: Callable[[], float]
    ) -> None:
        """Measure and keep it, also that it could not be measured. `cache` is that of one row."""
        speed: float | None = None
        why_not = ""
        try:
            speed = self._peaking(f"{way} decode {rows}, {kernels}", work)
        except (CompiledTooLong, torch.OutOfMemoryError) as error:
            why_not = str(error).partition("\n")[0]
        floor = floor_tokens_per_second(
            self.model, self.bandwidth, rows=rows, row_bytes=cache_bytes(cache)
        )
        self.decodings.append(
            Decoding(
                way=way,
                kernels=kernels,
                rows=rows,
                context=self.arguments.context,
                tokens_per_second=speed,
                floor_tokens_per_second=floor,
                share_of_floor=None if speed is None else speed / floor,
                why_not=why_not,
            )
        )
        say(f"{way} ({kernels}), {rows} at once: {speed or why_not}")

    def _peaking(self, what: str, work: Callable[[], Any]) -> Any:
        """Do it, and keep the most memory there was meanwhile: the device's, or the process's."""
        self._forget()
        if self.device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(self.device)
        done = work()
        if self.device.startswith("cuda"):
            self.peaks[what] = torch.cuda.max_memory_allocated(self.device)
        else:
            self.peaks[what] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return done

    def _forget(self) -> None:
        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _conditions(self) -> dict[str, Any]:
        on_gpu = self.device.startswith("cuda")
        return conditions(
            size=self.arguments.size,
            device=torch.cuda.get_device_name(self.device) if on_gpu else platform.machine(),
            dtype=str(self.model.dtype).removeprefix("torch."),
            threads=torch.get_num_threads(),
            steps=self.arguments.steps,
            torch=torch.__version__,
            transformers=transformers.__version__,
            kernels=kernels_in_use(self.model),
        )


def settle() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--device", help="default: the first GPU, else the CPU")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--context", type=int, default=8192, help="tokens before each answer")
    parser.add_argument("--prefill", type=int, nargs="+", default=[8192, 32_768])
    parser.add_argument("--steps", type=int, default=128, help="tokens timed per answer")
    parser.add_argument("--compiled", action="store_true", help="also compiled, both ways")
    parser.add_argument("--compile-seconds", type=float, default=600.0, help="most for each")
    parser.add_argument("--folder", type=Path, help="save there (55 GB) and time loading it")
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parse(argv)
    figures = Bench(arguments).measure()
    print(json.dumps(figures, indent=2))
    if arguments.output is not None:
        write_result(arguments.output, figures)


if __name__ == "__main__":
    main()
