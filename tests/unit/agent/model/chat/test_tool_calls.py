"""The tool-call parser: identity on what is well-formed, survival on what is not."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.model.base import ToolCall
from agent.model.chat.argument_types import coerce
from agent.model.chat.template import parse_message
from agent.model.chat.tool_calls import parse_calls
from tests.support.qwen_format import TOOLS, render_calls

_FRAGMENTS = (
    "<tool_call>",
    "</tool_call>",
    "<function=bash>",
    "<function=other>",
    "</function>",
    "<parameter=command>",
    "<parameter=new_str>",
    "<parameter=nothing>",
    "</parameter>",
    "<think>",
    "</think>",
    "<|im_end|>",
    "\n",
    "\n\n",
    " ",
    "\t",
    "\r\n",
    "    return x",
    "{",
    '{"name": "bash"}',
)
values = st.one_of(
    st.text(), st.lists(st.one_of(st.sampled_from(_FRAGMENTS), st.text(max_size=4))).map("".join)
)


def carried(call: ToolCall) -> bool:
    """The two things the format cannot carry, as the parser's docstring names them."""
    for value in call.arguments.values():
        text = f"\n{value}\n</parameter>\n"
        if re.search(r"\n</parameter>\n<parameter=[^>\n]+>\n", text):
            return False
        if "\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=" in text:
            return False
    return True


edits = st.builds(
    lambda path, old, new: ToolCall(
        name="str_replace_editor",
        arguments={"command": "str_replace", "path": path, "old_str": old, "new_str": new},
    ),
    values,
    values,
    values,
)
commands = values.map(lambda text: ToolCall(name="bash", arguments={"command": text}))
submits = st.just(ToolCall(name="submit", arguments={}))
inserts = st.builds(
    lambda line, span: ToolCall(
        name="str_replace_editor",
        arguments={"command": "insert", "path": "a", "insert_line": line, "view_range": span},
    ),
    st.integers(),
    st.lists(st.integers()),
)
some_calls = st.lists(st.one_of(edits, commands, submits, inserts), min_size=1, max_size=3)


@given(some_calls)
def test_parsing_what_was_rendered_gives_it_back(calls: list[ToolCall]) -> None:
    assume(all(carried(call) for call in calls))
    parsed = parse_calls(render_calls(calls), TOOLS)
    assert [(c.name, dict(c.arguments)) for c in parsed.calls] == [
        (c.name, dict(c.arguments)) for c in calls
    ]
    assert parsed.errors == ()
    assert parsed.content == ""


@given(st.text(), commands)
def test_text_before_a_call_stays(content: str, call: ToolCall) -> None:
    assume(carried(call) and "<" not in content)
    parsed = parse_calls(f"{content}\n\n{render_calls([call])}", TOOLS)
    assert parsed.content == content.rstrip("\n")
    assert [dict(c.arguments) for c in parsed.calls] == [dict(call.arguments)]


@given(st.lists(st.one_of(st.sampled_from(_FRAGMENTS), st.text(max_size=6))).map("".join))
def test_no_text_breaks_the_parser(text: str) -> None:
    for thinking_open in (True, False):
        for truncated in (True, False):
            parsed = parse_message(text, TOOLS, thinking_open=thinking_open, truncated=truncated)
            assert parsed.message.role == "assistant"
            names = {tool.name for tool in TOOLS}
            assert all(call.name in names for call in parsed.message.tool_calls)
            if not parsed.message.tool_calls and not parsed.message.content:
                assert parsed.errors


@given(commands, st.data())
def test_a_call_cut_off_anywhere_is_never_run_with_less(
    call: ToolCall, data: st.DataObject
) -> None:
    # Where a value holds the end of a call, the rest may have been forgotten by the model.
    assume(carried(call) and "</tool_call>" not in str(call.arguments["command"]))
    text = render_calls([call])
    cut = data.draw(st.integers(0, len(text) - len("</tool_call>")))
    for ran in parse_calls(text[:cut], TOOLS, truncated=True).calls:
        # A value may itself hold a whole call's end; then what was read is that shorter value.
        assert "</function>" in text[:cut]
        assert str(ran.arguments["command"]) in str(call.arguments["command"])


def only_call(text: str, **keywords: bool) -> dict[str, object]:
    parsed = parse_message(text, TOOLS, thinking_open=True, **keywords)
    assert parsed.errors == ()
    (call,) = parsed.message.tool_calls
    return {"name": call.name, **call.arguments}


def test_a_call_inside_unclosed_thinking_ends_the_thinking() -> None:
    call = render_calls([ToolCall(name="bash", arguments={"command": "ls"})])
    assert only_call(f"I look.\n{call}") == {"name": "bash", "command": "ls"}
    parsed = parse_message(f"I look.\n{call}", TOOLS, thinking_open=True)
    assert parsed.message.reasoning == "I look."


def test_a_closing_think_inside_a_value_does_not_end_the_thinking() -> None:
    value = "echo '</think>'"
    call = render_calls([ToolCall(name="bash", arguments={"command": value})])
    assert only_call(f"hm\n{call}") == {"name": "bash", "command": value}


def test_a_call_inside_closed_thinking_is_not_run() -> None:
    call = render_calls([ToolCall(name="bash", arguments={"command": "rm -r x"})])
    parsed = parse_message(f"Maybe\n{call}\nno.\n</think>\n\n", TOOLS, thinking_open=True)
    assert parsed.message.tool_calls == ()
    assert "inside the thinking" in parsed.errors[0]
    with_answer = parse_message(f"{call}\n</think>\n\nDone.", TOOLS, thinking_open=True)
    assert (with_answer.message.content, with_answer.errors) == ("Done.", ())


@pytest.mark.parametrize(
    "text",
    [
        "<function=bash>\n<parameter=command>\nls -l\n</parameter>\n</function>\n</tool_call>",
        "<function=bash>\n<parameter=command>\nls -l\n</parameter>\n</function>",
        "<tool_call>\n<function=bash>\n<parameter=command>\nls -l\n</function>\n</tool_call>",
        "<tool_call>\n<function=bash>\n<parameter=command>\nls -l\n</parameter>\n</tool_call>",
        "<tool_call>\n<function=bash>\n<parameter=command>\nls -l\n</parameter>\n</function>",
        "<tool_call>\n<function=bash>\n<parameter=command>\nls -l\n</parameter>",
        "<tool_call><function=bash><parameter=command>ls -l</parameter></function></tool_call>",
        "<tool_call>\n<function=bash>\n<parameter=command>ls -l</parameter>\n</parameter>\n"
        "</function>\n</tool_call>\n</tool_call>\n</function>",
        '<tool_call>\n{"name": "bash", "arguments": {"command": "ls -l"}}\n</tool_call>',
        '<tool_call>{"name": "bash", "arguments": "{\\"command\\": \\"ls -l\\"}"}',
        '<tool_call>\n{"name": "bash", "arguments": {"command": "ls -l"}\n</tool_call>',
        '<tool_call>\n{"name": "bash", "arguments": {"command": "ls -l"}}}\n</tool_call>',
        "<tool_call>\n{'name': 'bash', 'arguments': {'command': 'ls -l'}}\n</tool_call>",
        '{"name": "bash", "arguments": {"command": "ls -l"}}',
        '{"name": "bash", "arguments": {"command": "ls -l"}',
        '```json\n{"name": "bash", "arguments": {"command": "ls -l"}}\n```',
        '```\n{"name": "bash", "arguments": {"command": "ls -l"}\n```\n',
        '{"type": "function", "function": {"name": "bash", "arguments": {"command": "ls -l"}}}',
        '<tool_call>\n<function name="bash">\n<parameter name="command">\nls -l\n</parameter>\n'
        "</function>\n</tool_call>",
        '<function name="bash">\n<parameter name="command">ls -l</parameter>\n</function>',
        '<function="bash">\n<parameter="command">ls -l</parameter>\n</function>',
        "<tool_call>\n<function=execute_bash>\n<parameter=cmd>\nls -l\n</parameter>\n</function>\n"
        "</tool_call>",
        '{"name": "run_shell_command", "arguments": {"command": "ls -l"}}',
    ],
)
def test_badly_written_calls_that_are_certain_run(text: str) -> None:
    parsed = parse_message(f"ok\n</think>\n\n{text}", TOOLS, thinking_open=True)
    assert parsed.errors == ()
    assert [dict(c.arguments) for c in parsed.message.tool_calls] == [{"command": "ls -l"}]
    assert parsed.message.content == ""


def test_several_calls_as_json_after_text() -> None:
    one = '{"name": "bash", "arguments": {"command": "a\nb"}}'
    parsed = parse_calls(f"First I look.\n{one}\n\n{one}\n", TOOLS)
    assert [dict(call.arguments) for call in parsed.calls] == [{"command": "a\nb"}] * 2
    assert (parsed.content, parsed.errors) == ("First I look.", ())


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "bash", "arguments": {"command": "ls"}}\nThat is how one would call it.',
        '{"name": "bash", "arguments": {"command": "l',
        '```json\n{"name": "bash", "arguments": "ls"}\n```',
    ],
)
def test_a_call_as_json_that_is_not_certain_is_named(text: str) -> None:
    parsed = parse_calls(text, TOOLS, truncated=True)
    assert parsed.calls == ()
    assert "a call of bash as JSON" in parsed.errors[0]


def test_a_call_as_json_that_was_cut_off_is_not_mended() -> None:
    text = '{"name": "bash", "arguments": {"command": "rm -r build"}'
    assert parse_calls(text, TOOLS, truncated=True).calls == ()
    assert len(parse_calls(text, TOOLS).calls) == 1


@pytest.mark.parametrize(
    "text", ['{"name": "fly", "arguments": {}}', '{"name": "pkg", "version": 1}']
)
def test_json_that_calls_no_tool_is_text(text: str) -> None:
    parsed = parse_calls(text, TOOLS)
    assert (parsed.content, parsed.calls, parsed.errors) == (text, (), ())


@pytest.mark.parametrize(
    ("name", "arguments", "meant"),
    [
        (
            "str_replace_based_edit_tool",
            {"command": "insert", "path": "a", "insert_line": 1, "insert_text": "x\n"},
            {"command": "insert", "path": "a", "insert_line": 1, "new_str": "x\n"},
        ),
        (
            "str_replace",
            {"file_path": "a", "old_string": "b", "new_string": "c"},
            {"command": "str_replace", "path": "a", "old_str": "b", "new_str": "c"},
        ),
        (
            "view",
            {"path": "a", "view_range": "1, 20"},
            {"command": "view", "path": "a", "view_range": [1, 20]},
        ),
        (
            "str_replace_editor",
            {"command": "view", "path": "a", "view_range": "null", "insert_line": "None"},
            {"command": "view", "path": "a"},
        ),
    ],
)
def test_other_names_of_the_same_tools(
    name: str, arguments: dict[str, object], meant: dict[str, object]
) -> None:
    parsed = parse_calls(render_calls([ToolCall(name=name, arguments=arguments)]), TOOLS)
    assert parsed.errors == ()
    assert [(call.name, dict(call.arguments)) for call in parsed.calls] == [
        ("str_replace_editor", meant)
    ]


def test_a_parameter_given_under_both_its_names_is_explained() -> None:
    call = ToolCall(name="bash", arguments={"command": "ls", "cmd": "rm"})
    parsed = parse_calls(render_calls([call]), TOOLS)
    assert parsed.calls == ()
    assert "no parameter 'cmd'" in parsed.errors[0]


def test_a_null_for_a_text_is_taken_for_the_word_and_the_model_is_told() -> None:
    text = '{"name": "insert", "arguments": {"path": "a", "new_str": null, "view_range": null}}'
    parsed = parse_calls(text, TOOLS)
    (call,) = parsed.calls
    assert dict(call.arguments) == {"command": "insert", "path": "a", "new_str": "null"}
    assert "'new_str' of str_replace_editor came as null" in parsed.errors[0]


def test_a_missing_parameter_end_before_the_next_parameter() -> None:
    text = (
        "<tool_call>\n<function=str_replace_editor>\n<parameter=command>\nview\n"
        "<parameter=path>\na.py\n</parameter>\n</function>\n</tool_call>"
    )
    (call,) = parse_calls(text, TOOLS).calls
    assert dict(call.arguments) == {"command": "view", "path": "a.py"}


def test_literal_tags_in_a_value_survive_with_their_spaces() -> None:
    value = "  <parameter=x>\n</parameter>\n  </function>\n\n"
    text = render_calls([ToolCall(name="bash", arguments={"command": value})])
    assert parse_calls(text, TOOLS).calls[0].arguments["command"] == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<tool_call>\n</tool_call>", "was empty"),
        ("<tool_call>", "was empty"),
        ("<tool_call>\nls\n</tool_call>", "does not start with"),
        ('<tool_call>\n{"name": "bash", \n</tool_call>', "not valid JSON"),
        ('<tool_call>\n{"arguments": {}}\n</tool_call>', "no name"),
        ("<tool_call>\n<function=bash>\n<parameter=command>\nls", "cut off inside"),
        ("<tool_call>\n<function=bash>\n", "cut off"),
        ("<tool_call>\n<function=bash>\n</function>\n</tool_call>", "required parameter 'command'"),
        ("<tool_call>\n<function=sh>\n</function>\n</tool_call>", "no tool named 'sh'"),
        (render_calls([ToolCall(name="submit", arguments={})]).replace("submit", "bash"), "lacks"),
        (
            render_calls([ToolCall(name="bash", arguments={"command": "x", "a": "b"})]),
            "no parameter",
        ),
        (
            "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n"
            "<parameter=command>\nrm\n</parameter>\n</function>\n</tool_call>",
            "twice",
        ),
        (
            render_calls([ToolCall(name="bash", arguments={"command": "x", "restart": "maybe"})]),
            "type boolean",
        ),
        (
            "<tool_call>\n<function=bash>\nplease\n<parameter=command>\nls\n</parameter>\n"
            "</function>\n</tool_call>",
            "text between",
        ),
    ],
)
def test_calls_that_are_not_certain_are_explained(text: str, says: str) -> None:
    parsed = parse_message(text, TOOLS, thinking_open=False)
    assert parsed.message.tool_calls == ()
    assert len(parsed.errors) == 1
    assert says in parsed.errors[0]


@pytest.mark.parametrize("text", ["", "  \n", "thinking only", "thought\n</think>\n\n"])
def test_nothing_said_is_an_error(text: str) -> None:
    parsed = parse_message(text, TOOLS, thinking_open=True)
    assert "neither text nor a tool call" in parsed.errors[0]


def test_one_bad_call_does_not_hide_a_good_one() -> None:
    good = render_calls([ToolCall(name="bash", arguments={"command": "ls"})])
    parsed = parse_calls(f"<tool_call>\n</tool_call>\n{good}", TOOLS)
    assert len(parsed.calls) == len(parsed.errors) == 1


def test_many_openings_take_linear_time() -> None:
    text = "<tool_call>\n<function=bash>\n<parameter=command>\nx\n" * 5_000
    parsed = parse_calls(text, TOOLS, truncated=True)
    assert parsed.calls == ()


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        (" 10 \n", {"type": "integer"}, 10),
        ("3.0", {"type": "integer"}, 3),
        ("True", {"type": "boolean"}, True),
        ("[1, 20]", {"type": "array", "items": {"type": "integer"}}, [1, 20]),
        ("['a']", {"type": "array"}, ["a"]),
        ("None", {"type": ["integer", "null"]}, None),
        ("null", {"type": ["string", "null"]}, "null"),
        ("1", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ("  10", {"type": "string"}, "  10"),
        ("10", {}, "10"),
        (" left\n", {"type": "string", "enum": ["left"]}, "left"),
    ],
)
def test_values_are_typed_by_the_schema(
    text: str, schema: dict[str, object], value: object
) -> None:
    assert coerce(text, schema) == value
