"""What the servers call the same thing, and what must not be asked of one of them.

vLLM, SGLang and llama.cpp write their own name into `owned_by` of `/v1/models`, as
`repair model serve` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from agent.model.base import GenerationParams


class ServerKind(StrEnum):
    """The program that serves the model, by the name it gives itself."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llamacpp"
    REPAIR = "repair"
    OTHER = ""


class Fields(IntEnum):
    """What of a request beyond the API a server takes; less with each refusal."""

    ALL = 0
    WITHOUT_BUDGET = 1
    """vLLM refuses a thinking budget where it was started without a reasoning parser."""
    PLAIN = 2
    """Only the fields of the API."""


def kind_of(entry: Mapping[str, object]) -> ServerKind:
    """Which server an entry of `/v1/models` comes from."""
    owner = str(entry.get("owned_by"))
    return ServerKind(owner) if owner in set(ServerKind) else ServerKind.OTHER


def streams_calls(kind: ServerKind) -> bool:
    """False where a streamed tool call may lose text: SGLang's parser drops it between chunks."""
    return kind is not ServerKind.SGLANG


def extensions(params: GenerationParams, kind: ServerKind, fields: Fields) -> dict[str, object]:
    """What vLLM, SGLang, llama.cpp and our own server take beyond the API."""
    if fields is Fields.PLAIN:
        return {}
    extra: dict[str, object] = {
        "top_k": params.top_k if params.top_k else -1,
        "min_p": params.min_p,
        "chat_template_kwargs": {
            "enable_thinking": params.thinking,
            "preserve_thinking": True,
        },
    }
    if fields is Fields.ALL and params.thinking and params.thinking_budget is not None:
        extra |= _budget(params.thinking_budget, kind)
    return extra


def _budget(tokens: int, kind: ServerKind) -> dict[str, object]:
    if kind is ServerKind.SGLANG:
        # Kept where it was started with --enable-strict-thinking, ignored elsewhere.
        return {"custom_params": {"thinking_budget": tokens}}
    if kind is ServerKind.LLAMA_CPP:
        return {"thinking_budget_tokens": tokens}
    return {"thinking_token_budget": tokens}
