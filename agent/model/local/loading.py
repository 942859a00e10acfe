"""Loading a checkpoint onto the device, or an error that says why that cannot be."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as library_logging

from agent.model.checkpoint_files import WEIGHT_PATTERNS, weights_folder
from agent.model.errors import (
    CheckpointUnreadable,
    GenerationCancelled,
    ModelDoesNotFit,
    TemplateWithoutTools,
)
from agent.model.local.memory import context_that_fits

_GIGABYTE = 1e9
_RESERVED_MEMORY_SHARE = 0.08
"""Of the device's memory: for activations, logits and the allocator's own needs."""
_PROBE = "probe_tool_name"
_TELL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class StartupReport:
    """What was loaded, for people and for `repair doctor`. Sizes in bytes."""

    path: str
    model_class: str
    device: str
    dtype: str
    parameters: int
    weight_bytes: int
    free_bytes: int
    """Left on the device after loading."""
    bytes_per_token: int
    """Keys and values of one token of context."""
    state_bytes: int
    """Of one sequence, whatever its length (the recurrent states)."""
    context_window: int
    """The model's own limit, or less where the memory holds less."""
    kernels: Mapping[str, str]
    """Function of a linear-attention layer → the package it comes from."""

    @property
    def slow_kernels(self) -> tuple[str, ...]:
        """Functions that run in plain torch: correct, but several times slower on a GPU."""
        return tuple(name for name, package in self.kernels.items() if package == "torch")

    def lines(self) -> list[str]:
        """The report as lines for a terminal."""
        text = [
            f"model      {self.model_class} from {self.path}",
            f"weights    {self.parameters / 1e9:.2f} B parameters, "
            f"{self.weight_bytes / _GIGABYTE:.1f} GB in {self.dtype} on {self.device}",
            f"memory     {self.free_bytes / _GIGABYTE:.1f} GB free after loading",
            f"context    {self.context_window} tokens fit; {self.bytes_per_token} bytes a token"
            f" and {self.state_bytes / 1e6:.1f} MB a sequence",
        ]
        for name, package in self.kernels.items():
            text.append(f"kernel     {name}: {package}")
        if self.slow_kernels and self.device.startswith("cuda"):
            text.append(
                "           plain torch is slow here: pip install flash-linear-attention and "
                "causal-conv1d on this GPU machine"
            )
        return text


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    model: Any
    tokenizer: Any
    report: StartupReport


def load_model(
    path: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    context_window: int | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda _: None,
) -> LoadedModel:
    """Load the text model of a checkpoint folder, or of a model already in the local hub cache.

    `device` auto takes a GPU where there is one; `dtype` auto is bfloat16 on a GPU and the
    checkpoint's own on a CPU. A quantised checkpoint (FP8, 4-bit) is loaded as it says itself.
    `cancelled` is asked between two weights, and `tell` hears how many were read. Raises what
    `examine` raises, and GenerationCancelled.
    """
    target = _device(device)
    folder, tokenizer = examine(path, target)
    with _readable(path), _weight_by_weight(cancelled, tell):
        config = AutoConfig.from_pretrained(folder)
        weight_dtype = dtype if dtype != "auto" or target.startswith("cpu") else "bfloat16"
        if getattr(config, "quantization_config", None) is not None:
            weight_dtype = "auto"
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=weight_dtype, device_map={"": target}, local_files_only=True
        ).eval()
    report = _report(path, model, target, context_window)
    return LoadedModel(model=model, tokenizer=tokenizer, report=report)


def examine(path: str, device: str = "auto") -> tuple[Path, Any]:
    """The folder and tokenizer of a checkpoint, checked before its weights are read.

    Raises NoWeights, CheckpointUnreadable, ModelDoesNotFit, TemplateWithoutTools.
    """
    _quiet()
    folder = weights_folder(path)
    with _readable(path):
        tokenizer = AutoTokenizer.from_pretrained(folder)
    check_template(tokenizer)
    check_fit(folder, _device(device))
    return folder, tokenizer


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    """What the library raises over files it cannot use, as ours."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelDoesNotFit(f"the memory ran out while {path} was loaded") from error
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        first = str(error).strip().partition("\n")[0].rstrip(".")
        raise CheckpointUnreadable(
            f"the checkpoint at {path} cannot be read: {first or type(error).__name__}. Download "
            "it again, or check that this version of transformers knows the model"
        ) from error


@contextlib.contextmanager
def _weight_by_weight(cancelled: Callable[[], bool], tell: Callable[[str], None]) -> Iterator[None]:
    """While this lasts, the library's bars over weights are ours: they end when it is cancelled."""

    def bar(factory: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if not args or not hasattr(args[0], "__len__"):
            return factory(*args, **options)
        return _counted(args[0], cancelled, tell)

    if cancelled():
        raise GenerationCancelled("loading the model was cancelled")
    before = library_logging.set_tqdm_hook(bar)
    try:
        yield
    finally:
        library_logging.set_tqdm_hook(before)


def _counted(
    weights: Any, cancelled: Callable[[], bool], tell: Callable[[str], None]
) -> Iterable[Any]:
    told_at = time.monotonic()
    for number, weight in enumerate(weights):
        if cancelled():
            raise GenerationCancelled("loading the model was cancelled")
        if time.monotonic() - told_at >= _TELL_SECONDS:
            told_at = time.monotonic()
            tell(f"{number} of {len(weights)} weights are read")
        yield weight


def _quiet() -> None:
    """The report says what the library would: its bars and warnings break a live display."""
    library_logging.disable_progress_bar()
    library_logging.set_verbosity_error()


def check_template(tokenizer: Any) -> None:
    """Raise TemplateWithoutTools unless tools given to the chat template reach the prompt."""
    if not getattr(tokenizer, "chat_template", None):
        raise TemplateWithoutTools(
            "the tokenizer has no chat template; use an instruction-tuned checkpoint"
        )
    tool = {"type": "function", "function": {"name": _PROBE, "description": "", "parameters": {}}}
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "x"}], tools=[tool], tokenize=False
    )
    if _PROBE not in prompt:
        raise TemplateWithoutTools(
            "the chat template ignores the tools it is given; this model cannot call any"
        )


def check_fit(folder: Path, device: str) -> None:
    """Raise ModelDoesNotFit when the weight files alone are larger than the free memory."""
    files = [file for pattern in WEIGHT_PATTERNS for file in folder.glob(pattern)]
    weight_bytes, free_bytes = sum(file.stat().st_size for file in files), free_memory(device)
    if weight_bytes > free_bytes:
        raise ModelDoesNotFit(
            f"the weights take {weight_bytes / _GIGABYTE:.1f} GB and {device} has "
            f"{free_bytes / _GIGABYTE:.1f} GB free; free the device, take a quantised checkpoint "
            "(FP8 halves the size), or serve the model elsewhere and use --model-url"
        )


def free_memory(device: str) -> int:
    """Bytes that can still be allocated on the device."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    if device.startswith("mps"):
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return os.sysconf("SC_PAGE_SIZE") * _free_pages()


def kernels_in_use(model: Any) -> dict[str, str]:
    """Which implementation each replaceable function of the model's module resolved to.

    The library wraps such a function around what it found on import; the wrapper closes over it.
    """
    module = importlib.import_module(type(model).__module__)
    packages: dict[str, str] = {}
    for name, member in vars(module).items():
        if inspect.isfunction(member) and hasattr(member, "__wrapped__"):
            inner = inspect.getclosurevars(member).nonlocals.get("implementation")
            if inner is not None:
                package = inner.__module__.split(".")[0]
                packages[name] = "torch" if package == "transformers" else package
    return packages


def _free_pages() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") // 2


def _device(name: str) -> str:
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda:0"
    return "cpu"


def _report(path: str, model: Any, device: str, context_window: int | None) -> StartupReport:
    config = model.config.get_text_config()
    parameters = list(model.parameters())
    weight_bytes = sum(p.numel() * p.element_size() for p in parameters)
    free = free_memory(device)
    per_token, state = _sequence_bytes(model)
    position_limit = int(getattr(config, "max_position_embeddings", 0) or 32_768)
    fits = (
        context_that_fits(free * (1 - _RESERVED_MEMORY_SHARE), per_token, state)
        if per_token
        else position_limit
    )
    window = min(position_limit, fits, context_window or position_limit)
    if window < 1:
        raise ModelDoesNotFit(
            f"{path} fills {device}: no memory is left for a context. Use a smaller model"
        )
    return StartupReport(
        path=path,
        model_class=type(model).__name__,
        device=device,
        dtype=str(parameters[0].dtype).removeprefix("torch."),
        parameters=sum(p.numel() for p in parameters),
        weight_bytes=weight_bytes,
        free_bytes=free,
        bytes_per_token=per_token,
        state_bytes=state,
        context_window=window,
        kernels=kernels_in_use(model),
    )


def _sequence_bytes(model: Any) -> tuple[int, int]:
    """Bytes a token adds to a cache, and bytes a cache takes at any length; measured."""
    from agent.model.local.generation.cache import cache_bytes, new_cache

    sizes = []
    with torch.inference_mode():
        for length in (8, 16):
            cache = new_cache(model)
            tokens = torch.zeros((1, length), dtype=torch.long, device=model.device)
            model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
            sizes.append(cache_bytes(cache))
    per_token = (sizes[1] - sizes[0]) // 8
    return per_token, sizes[0] - 8 * per_token
