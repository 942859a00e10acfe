"""What comes out of a sandbox may be anything: the host's readers name their errors, or read it."""

from __future__ import annotations

import io
import json
import struct
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.validation.differential.calls.generated_calls import neighbours_of
from agent.validation.differential.calls.shown_calls import shown_call, value_of
from sandbox.base import CommandResult
from sandbox.errors import SandboxDied
from sandbox.languages.coverage import LineCollector
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.python.runners.split import run as split_run
from sandbox.languages.python.runners.split import server as split_server
from sandbox.languages.python.runners.split.messages import Side
from sandbox.languages.python.runners.split.run import CallRecorder
from sandbox.languages.python.runners.split.server import Server, _message
from sandbox.machine_identity import MachineIdentity
from sandbox.runners.byte_budget import ByteBudget, TooMuchSaid
from sandbox.runners.event import MAX_MESSAGE_DEPTH, NoEvent, parse_event
from sandbox.runners.event_progress import TIMEOUT_GRACE_SECONDS, EventProgress
from sandbox.runners.junit import NotJUnit, parse_junit
from sandbox.runners.program import Program
from sandbox.session.channel import Channel, GuestEnding
from sandbox.session.frames import command_result, encode, read_frame
from sandbox.session.guest_requests import GuestRequests

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["passed", "returned", "raised", "o", "list", "i", "t", "x", "result"])
)
NAMES = st.sampled_from(
    [
        *("event", "id", "ids", "outcome", "frames", "seconds", "status", "output", "message"),
        *("ask", "how", "nodes", "value", "path", "lines", "name", "module", "files", "number"),
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)
KINDS = st.sampled_from(
    [
        *("collected", "collect_error", "start", "result", "finished", "lines", "values"),
        *("peer", "ready", "evaluated", "something else"),
    ]
)
RESULT = {"event": "result", "id": "t", "outcome": "passed"}


@QUICK
@given(KINDS, st.dictionaries(NAMES, JSON, max_size=8))
def test_events_of_a_forger(kind: str, fields: Mapping[str, Any]) -> None:
    """An event is taken whole, or refused as what a dead sandbox is."""
    run = EventProgress()
    with suppress(NoEvent):
        event = parse_event(json.dumps({**fields, "event": kind}).encode())
        run.take(event)
    assert all(isinstance(name, str) for name in run.results)


@QUICK
@given(st.binary(max_size=200))
def test_bytes_that_are_no_event(line: bytes) -> None:
    with suppress(NoEvent):
        assert isinstance(parse_event(line), dict)


@pytest.mark.parametrize(
    "event",
    [
        {**RESULT, "outcome": "splendid"},
        {**RESULT, "outcome": ["passed"]},
        {**RESULT, "id": None},
        {**RESULT, "seconds": float("nan")},
        {**RESULT, "seconds": -1},
        {**RESULT, "seconds": "1"},
        {**RESULT, "frames": [["a", 1]]},
        {**RESULT, "unsure": "why"},
        {**RESULT, "message": {"a": 1}},
        {"event": "result", "outcome": "passed"},
        {"event": "collected", "ids": [1]},
        {"event": "finished", "status": 10**400, "output": ""},
        {"event": "finished", "status": None, "output": ""},
        {"event": "lines", "id": "t", "files": {"a.py": ["1"]}},
        {"event": "peer", "message": {"ask": {"path": "calc.py", "lines": [1]}}},
        {"event": "peer", "message": {"how": "returned", "value": 1, "nodes": [[2, []]]}},
        {"event": "evaluated", "number": True},
        {"event": ["result"]},
        {"id": "t"},
    ],
    ids=lambda event: json.dumps(event)[:60],
)
def test_a_forged_event_is_refused(event: Mapping[str, Any]) -> None:
    with pytest.raises(NoEvent, match="the program in the sandbox sent"):
        parse_event(json.dumps(event).encode())


@pytest.mark.parametrize("depth", [MAX_MESSAGE_DEPTH + 1, 5_000, 200_000])
@pytest.mark.parametrize("brackets", [b"[]", b"{}"], ids=["lists", "objects"])
def test_an_event_of_great_depth_is_refused(depth: int, brackets: bytes) -> None:
    opened = b'{"a":' if brackets == b"{}" else b"["
    value = opened * depth + b"0" + brackets[1:] * depth
    with pytest.raises(NoEvent):
        parse_event(b'{"event": "peer", "message": {"how": "returned", "value": ' + value + b"}}")
    assert _message(b'{"how": "returned", "value": ' + value + b"}")["how"] == "gone"


def test_a_repeated_field_counts_once() -> None:
    line = b'{"event":"result","id":"t","outcome":"failed","outcome":"passed","id":"u"}'
    run = EventProgress()
    run.take(parse_event(line))
    assert list(run.results) == ["u"]


class Lines:
    """A process that says these lines."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = list(lines)

    def receive(self, _timeout_seconds: float) -> bytes | None:
        return self._lines.pop(0) if self._lines else None

    def send(self, line: bytes) -> None:
        """It listens to nothing."""


NESTED: list[Mapping[str, Any]] = [
    {**RESULT, "details": "x" * 300},
    {**RESULT, "frames": [["x" * 300, 1, "f"]]},
    {"event": "lines", "id": "t", "files": {"x" * 300: [1]}},
    {"event": "values", "id": "t", "frames": [["a", 1, "f", {"v": "x" * 300}]]},
    {"event": "peer", "message": {"how": "returned", "value": ["t", ["x" * 300]]}},
]


@pytest.mark.parametrize("event", NESTED)
def test_a_runner_that_never_stops_talking_is_cut_off(event: Mapping[str, Any]) -> None:
    """Wherever in an event it says it, and however often it is started again."""
    budget = ByteBudget(1_000)
    line = b"nonce " + json.dumps(event).encode()
    for _ in range(2):
        program = Program(Lines(line), b"nonce", budget)  # type: ignore[arg-type]
        assert program.event(1.0) == event
    program = Program(Lines(line, line), b"nonce", budget)  # type: ignore[arg-type]
    with pytest.raises(TooMuchSaid, match="more than 1,000 bytes"):
        list(program.events(1.0))


def test_what_is_no_event_counts_as_well() -> None:
    program = Program(Lines(*[b"x" * 100] * 20), b"nonce", ByteBudget(1_000))  # type: ignore[arg-type]
    with pytest.raises(TooMuchSaid):
        program.event(1.0)


def test_a_run_ends_in_time_however_much_it_still_says() -> None:
    class Endless(Lines):
        def receive(self, _timeout_seconds: float) -> bytes | None:
            return b'nonce {"event":"start","id":"t"}'

    run = EventProgress()
    program = Program(Endless(), b"nonce", ByteBudget())  # type: ignore[arg-type]
    run.follow(program, time.monotonic() - TIMEOUT_GRACE_SECONDS + 0.2, None)
    assert run.timed_out


def test_lines_of_tests_are_held_up_to_a_number() -> None:
    collector = LineCollector(left=5)
    for name, count in (("a", 3), ("", 2), ("b", 1), ("c", 1)):
        files = {"m.py": list(range(count))}
        collector.take(
            parse_event(json.dumps({"event": "lines", "id": name, "files": files}).encode())
        )
    assert collector.lines == {"a": {"m.py": {0, 1, 2}}}
    assert collector.imported == {"m.py": {0, 1}}


def test_too_many_frames_are_refused() -> None:
    with pytest.raises(NoEvent, match="`frames`"):
        parse_event(json.dumps({**RESULT, "frames": [["", 1, ""]] * 5_000}).encode())


def question(number: int) -> Mapping[str, Any]:
    target = {"path": "a.py", "name": "f", "module": "a", "lines": [1, 1]}
    return {"event": "peer", "message": {"ask": target, "value": number, "nodes": []}}


def test_of_the_calls_of_a_run_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def ask(self, _message: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"how": "returned", "value": "x" * 100, "nodes": []}

    server: Any = Silent()
    monkeypatch.setattr(split_run, "MAX_QUESTION_CHARACTERS", 1_000)
    monkeypatch.setattr(split_run, "MAX_SPOKEN_CHARACTERS", 10_000)
    post = CallRecorder(server, Side.PATCH, server)
    for number in [1, 1, *range(50)]:
        post.take(dict(question(number)))
    assert sum(map(len, post.questions)) <= 1_000
    assert len({*post.questions}) == len(post.questions) > 5
    with pytest.raises(TooMuchSaid):
        deque((post.take(dict(question(number))) for number in range(100)), maxlen=0)


def server_saying(monkeypatch: pytest.MonkeyPatch, *lines: bytes) -> Server:
    monkeypatch.setattr(split_server.secrets, "token_hex", lambda _size: "n")
    session: Any = SimpleNamespace(
        identity=MachineIdentity(), workspace="/workspace", start=lambda *_, **__: Lines(*lines)
    )
    return Server(session, PytestSetup(python="python"))


def test_a_server_that_never_stops_talking_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_server, "ByteBudget", lambda: ByteBudget(1_000))
    server = server_saying(monkeypatch, *[b"x" * 300] * 10)
    assert "more than" in server.ask({})["why"]


def test_a_server_that_asked_for_too_much_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"os.{number}" for number in range(split_server.MAX_ASKED_NAMES + 1)]
    answer = {"how": "returned", "value": 1, "nodes": [], "machine": [[], names]}
    server = server_saying(monkeypatch, b"n " + json.dumps(answer).encode())
    assert server.ask({})["how"] == "gone"


@QUICK
@given(st.dictionaries(NAMES, JSON, max_size=8))
def test_answers_of_the_other_sandbox(answer: Mapping[str, Any]) -> None:
    message = _message(json.dumps(answer).encode())
    assert message["how"] == "gone" or message.keys() == answer.keys() if "how" in message else True
    for _number, content in message.get("nodes", ()):
        assert isinstance(content[0], str)
        assert len(content) > 1


CALL = {
    "ask": {"path": "calc.py", "name": "clip", "module": "calc", "lines": [1, 1]},
    "value": ["t", [["t", [9, "a"]], ["r", 2]]],
    "nodes": [[2, ["dict", []]]],
}


@pytest.mark.parametrize(
    "change",
    [
        {"value": 1},
        {"value": ["x", 1]},
        {"value": ["t", ["t", 1]]},
        {"value": ["t", [["t", [["r", {}]]], ["r", 2]]]},
        {"nodes": [[7, ["o", "x"]]]},
        {"nodes": [[7, ["o", ["m", "C"], None, [["a"]], False]]]},
        {"nodes": [[7, ["list", 5]]]},
        {"nodes": [[7, ["dict", [[1]]]]]},
        {"nodes": [[7, ["strange", []]]]},
    ],
)
def test_a_question_in_no_form_that_crosses_is_refused(change: Mapping[str, Any]) -> None:
    """Before the host mutates it, or shows it."""
    event = {"event": "peer", "message": {**CALL, **change}}
    with pytest.raises(NoEvent):
        parse_event(json.dumps(event).encode())


@pytest.mark.parametrize("value", [{}, [], ["r"], ["r", {}], ["r", [1]], ["e", "x", 1], [1]])
def test_an_answer_in_no_form_that_crosses_is_refused(value: Any) -> None:
    assert _message(json.dumps({"how": "returned", "value": value, "nodes": []}).encode()) == {
        "how": "gone",
        "why": "it answered with something else",
    }


@QUICK
@given(JSON, st.lists(st.tuples(st.integers(0, 9), JSON), max_size=3))
def test_what_is_taken_can_be_mutated_and_shown(value: Any, nodes: list[Any]) -> None:
    question = json.loads(json.dumps({**CALL, "value": value, "nodes": nodes}))
    taken = json.loads(json.dumps(CALL))
    for message in (question, taken):
        with suppress(NoEvent):
            parse_event(json.dumps({"event": "peer", "message": message}).encode())
            list(map(shown_call, neighbours_of([message])))
    answer = {"how": "returned", "value": value, "nodes": nodes}
    if _message(json.dumps(answer).encode())["how"] == "returned":
        assert value_of("returned " + json.dumps([value, nodes]))


@pytest.mark.parametrize("field", [{"reached": [1]}, {"reached": [["a"]]}, {"reads": 3}])
def test_what_a_result_says_of_its_calls_is_checked(field: Mapping[str, Any]) -> None:
    with pytest.raises(NoEvent):
        parse_event(json.dumps({**RESULT, **field}).encode())


@QUICK
@given(st.binary(max_size=64))
def test_frames_of_any_bytes(data: bytes) -> None:
    with suppress(EOFError, ValueError):
        header, _ = read_frame(io.BytesIO(data).read)
        assert isinstance(header, dict)


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"[]", b"1", b"null", b'"id"', b"\xff\xfe", b"", b"NaN", b"9" * 10_000],
    ids=lambda text: repr(text[:10]),
)
def test_a_frame_whose_header_is_no_object(text: bytes) -> None:
    data = struct.pack(">II", len(text), 0) + text
    with pytest.raises(ValueError, match=r".+"):
        read_frame(io.BytesIO(data).read)


def test_a_frame_of_a_size_that_nobody_sends_is_not_waited_for() -> None:
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    with pytest.raises(ValueError, match="not our guest"):
        read_frame(read)
    assert asked == [8]


@QUICK
@given(
    st.dictionaries(st.sampled_from(["stdout_bytes", "exit_code", "seconds", "timed_out"]), JSON)
)
def test_the_end_of_a_command(header: Mapping[str, Any]) -> None:
    with suppress(SandboxDied):
        assert isinstance(command_result(header, b"out"), CommandResult)


class _Spoken(Channel):
    """A guest that says these bytes and is gone."""

    def __init__(self, said: bytes) -> None:
        self._said = io.BytesIO(said)

    def read(self, size: int) -> bytes:
        return self._said.read(size)

    def write(self, data: bytes) -> None:
        assert data

    def guest_ending(self) -> GuestEnding:
        raise AssertionError("nobody asks")

    def close(self) -> None:
        self._said.close()


@pytest.mark.parametrize(
    "header",
    [b"[" * 100_000, b"[1]", b'{"id": [1]}', b'{"id": {}}', b"{}", b"\x00", b'{"id": NaN}'],
    ids=lambda header: repr(header[:12]),
)
def test_whoever_waits_for_an_answer_hears_of_the_end(header: bytes) -> None:
    """A reader that dies of what it reads would let its callers wait for ever."""
    frame = struct.pack(">II", len(header), 0) + header
    conversation = GuestRequests(_Spoken(frame))
    _, answers = conversation.expect()
    conversation.begin()
    assert answers.get(10.0) is None


BOMB = (
    '<?xml version="1.0" encoding="{0}"?><!DOCTYPE a [<!ENTITY b "{1}"><!ENTITY c "&b;&b;&b;">]>'
    "<testsuites><testcase name='&c;'/></testsuites>"
)


@pytest.mark.parametrize(
    "data",
    [
        *(BOMB.format(name, "x" * 99).encode(name) for name in ("utf-8", "utf-16", "latin-1")),
        BOMB.format("utf-8", "x").encode("utf-8-sig"),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuites/>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><testsuites/>',
        b'<?xml version="1.0" encoding="utf-7"?><testsuites/>',
        b'<?xml version="1.0" encoding="rot13"?><testsuites/>',
        b'<?xml version="1.0" encoding="no such"?><testsuites/>',
        b"<testsuites>" + b"<a/>" * 1_000_001 + b"</testsuites>",
        b"",
        b"\x00" * 100,
    ],
    ids=lambda data: repr(data[:40]),
)
def test_a_report_that_would_harm_its_reader(data: bytes) -> None:
    with pytest.raises(NotJUnit):
        parse_junit(data)


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e999", "0x1", "", "1,000.5"])
def test_the_time_in_a_report_is_a_time(seconds: str) -> None:
    data = f'<testsuites><testcase name="a" time="{seconds}"/></testsuites>'.encode()
    assert 0 <= parse_junit(data)["a"].seconds < 1e4


@QUICK
@given(st.text(alphabet="<>/&;!?[]'\" =acdehilmnorst\n", max_size=80))
def test_reports_of_any_text(text: str) -> None:
    with suppress(NotJUnit):
        assert isinstance(parse_junit(f"<testsuites>{text}</testsuites>".encode()), dict)


def test_a_report_of_great_depth() -> None:
    data = b"<testsuites>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</testsuites>"
    with suppress(NotJUnit):
        assert parse_junit(data) == {}


def test_a_frame_says_what_was_sent() -> None:
    """The honest counterpart."""
    assert read_frame(io.BytesIO(encode({"id": 3}, b"body")).read) == ({"id": 3}, b"body")
    assert parse_event(json.dumps(RESULT).encode()) == RESULT
