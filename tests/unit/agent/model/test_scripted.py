"""Scripts are played in order, recordings by question."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    TokenEvent,
    ToolCall,
    Usage,
)
from agent.model.completion_json import completion_from_json, completion_to_json
from agent.model.errors import MalformedCompletion, ModelError, ScriptExhausted
from agent.model.scripted import Recorder, ScriptedModel
from tests.support.qwen_format import TOOLS

PARAMS = GenerationParams()


def script(path: Path, *lines: object) -> ScriptedModel:
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )
    return ScriptedModel(path)


def ask(model: ScriptedModel | Recorder, text: str, n: int = 1) -> list[Completion]:
    return model.generate([Message(role="user", content=text)], TOOLS, PARAMS, n)


def test_lines_are_answered_in_order(tmp_path: Path) -> None:
    model = script(
        tmp_path / "s",
        "# a comment",
        {"content": "one"},
        "",
        {"tool_calls": [{"name": "bash", "arguments": {"command": " ls"}}]},
        {"raw": "hm\n</think>\n\n<tool_call>\n<function=submit>\n</function>\n</tool_call>"},
        {"raw": "<tool_call>\n</tool_call>"},
    )
    first, second = ask(model, "x", n=2)
    assert first.message.content == "one"
    assert first.finish_reason is FinishReason.STOP
    assert second.message.tool_calls[0].arguments == {"command": " ls"}
    assert second.finish_reason is FinishReason.TOOL_CALLS
    (third,) = ask(model, "y")
    assert (third.message.reasoning, third.message.tool_calls[0].name) == ("hm", "submit")
    (fourth,) = ask(model, "z")
    assert "was empty" in fourth.format_errors[0]
    with pytest.raises(ScriptExhausted, match=r"no answer for question 4 .*0 of 4"):
        ask(model, "more")


def test_a_recording_answers_the_same_questions_in_any_order(tmp_path: Path) -> None:
    source = script(tmp_path / "s", {"content": "a"}, {"content": "b"}, {"content": "c"})
    with Recorder(source, tmp_path / "deep" / "r") as recorder:
        assert recorder.context_window == source.context_window
        said = {text: ask(recorder, text) for text in ("1", "2")}
        said["again"] = ask(recorder, "1")
    played = ScriptedModel(tmp_path / "deep" / "r")
    assert ask(played, "2") == said["2"]
    assert ask(played, "1") == said["1"]
    assert ask(played, "1") == said["again"]
    with pytest.raises(ScriptExhausted):
        ask(played, "1")


def test_cancelled_and_streamed(tmp_path: Path) -> None:
    model = script(tmp_path / "s", {"content": "said", "reasoning": "thought"})
    messages, seen = [Message(role="user", content="x")], list[TokenEvent]()
    cancel = threading.Event()
    cancel.set()
    (cancelled,) = model.generate(messages, (), PARAMS, cancel=cancel)
    assert cancelled.finish_reason is FinishReason.CANCELLED
    model.generate(messages, (), PARAMS, on_token=seen.append)
    assert [(event.text, event.reasoning) for event in seen] == [("thought", True), ("said", False)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "s:1 is not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"contents": "x"}', "no field 'contents'"),
        ('{"tool_calls": [{"arguments": {}}]}', "needs a `name`"),
        ('{"finish_reason": "bored"}', "not valid"),
        ('{"usage": {"prompt_tokens": "many"}}', "must be an integer"),
        ('{"question": "k"}', "needs a list of `completions`"),
    ],
)
def test_a_damaged_script_says_where(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(MalformedCompletion, match="s:1") as caught:
        script(tmp_path / "s", line)
    assert says in str(caught.value)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(MalformedCompletion, match="cannot read the script"):
        ScriptedModel(tmp_path / "absent")
    with pytest.raises(ModelError, match="cannot record"):
        Recorder(script(tmp_path / "s", {"content": ""}), tmp_path)


@given(
    st.builds(
        Completion,
        message=st.builds(
            Message,
            role=st.just("assistant"),
            content=st.text(),
            reasoning=st.text(),
            tool_calls=st.lists(
                st.builds(
                    ToolCall,
                    name=st.text(),
                    arguments=st.dictionaries(st.text(), st.one_of(st.text(), st.integers())),
                    call_id=st.text(),
                )
            ).map(tuple),
        ),
        finish_reason=st.sampled_from(FinishReason),
        usage=st.builds(Usage),
        format_errors=st.lists(st.text()).map(tuple),
    )
)
def test_a_completion_survives_its_json(completion: Completion) -> None:
    text = json.dumps(completion_to_json(completion))
    assert completion_from_json(json.loads(text), ()) == completion


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"top_p": 0.0},
        {"min_p": 1.0},
        {"top_k": -1},
        {"max_tokens": 0},
        {"thinking_budget": -1},
    ],
)
def test_sampling_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        GenerationParams(**wrong)
