"""Questions whose right answer is known, for looking at what a server makes of the answer."""

from __future__ import annotations

from collections.abc import Sequence

from agent.model.base import Completion, GenerationParams, Message, Tool
from agent.model.chat.json_calls import load_object
from agent.model.openai_api.client import RemoteModel, ServerAnswer
from agent.model.openai_api.client_messages import ChoiceParts

WRITE = Tool(
    name="write_text",
    description="Write a text, exactly as it is given.",
    parameters={
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    },
)
FIRST_MARK, LAST_MARK = "<<<<<<\n", "\n>>>>>>"
"""Around each text in a question."""
_ANSWER_TOKENS = 4096
_THINKING_TOKENS = 512
_CHARACTERS_PER_TOKEN = 3


def asking(texts: Sequence[str]) -> str:
    """Asks for a call of `WRITE` with each of the texts."""
    count = "once" if len(texts) == 1 else f"{len(texts)} times, all in one answer"
    blocks = "\n".join(f"{FIRST_MARK}{text}{LAST_MARK}" for text in texts)
    return f"Call write_text {count}, with exactly what stands between the marks of each:\n{blocks}"


def asked(
    model: RemoteModel, question: str, *, stream: bool | None = None
) -> tuple[ServerAnswer, Completion]:
    """The answer to a question with `WRITE` as a tool, as it came and as we read it."""
    params = GenerationParams(
        max_tokens=min(_ANSWER_TOKENS, model.context_window // 4), thinking_budget=_THINKING_TOKENS
    )
    answer = model.ask([Message(role="user", content=question)], [WRITE], params, stream=stream)
    return answer, answer.completions([WRITE])[0]


def written(
    model: RemoteModel, texts: Sequence[str], *, stream: bool | None = None
) -> tuple[list[object], list[object]]:
    """The texts of the calls that came, as the server parsed them and as we read them."""
    answer, completion = asked(model, asking(texts), stream=stream)
    read = [_bare(call.arguments.get("text")) for call in completion.message.tool_calls]
    return [_bare(value) for value in _server_values(answer.choices[0])], read


def _server_values(parts: ChoiceParts) -> list[object]:
    calls = [load_object(call.arguments) for _, call in sorted(parts.calls.items())]
    return [None if arguments is None else arguments.get("text") for arguments in calls]


def _bare(value: object) -> object:
    """Without the line break that a model may add at the end: it is no fault of the server."""
    return value.removesuffix("\n") if isinstance(value, str) else value


def thought_tokens(answer: ServerAnswer) -> int:
    """Tokens of thinking; by its length where the server does not count them."""
    details = answer.usage.get("completion_tokens_details")
    count = details.get("reasoning_tokens") if isinstance(details, dict) else None
    if isinstance(count, int) and count:
        return count
    return len(answer.choices[0].reasoning) // _CHARACTERS_PER_TOKEN
