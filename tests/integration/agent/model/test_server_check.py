"""`repair model check` and the ways to open a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.model.base import GenerationParams, Message
from agent.model.errors import NoWeights
from agent.model.open import open_model
from agent.model.openai_api.client import RemoteModel
from agent.model.server_check import check_model
from cli.apps.model import model_app
from tests.support.model_extra import require_model_extra
from tests.support.stand_in_server import delta, failure, stand_in_server, stream
from tests.support.trap_server import trap_server

CALL = {"tool_calls": [{"name": "view_lines", "arguments": {"path": "a", "first": 1, "last": 2}}]}


def script(path: Path, *lines: object) -> str:
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return f"scripted:{path}"


def test_a_check_shows_the_call_and_the_speed(tmp_path: Path) -> None:
    usage = {"completion_tokens": 50}
    timed = [{"content": "x", "usage": usage}] * 5
    model = open_model(script(tmp_path / "s", CALL, *timed))
    result = check_model(model, floor_tokens_per_second=83.0)
    assert result.ok
    assert result.call == "view_lines(path='a', first=1, last=2)"
    assert [(speed.rows, speed.tokens) for speed in result.speeds] == [(1, 50), (4, 200)]
    assert "of the 83 tokens/s" in "\n".join(result.lines())


def test_a_check_says_why_there_was_no_call(tmp_path: Path) -> None:
    said = {"content": "I would rather talk."}
    result = check_model(open_model(script(tmp_path / "s", *[said] * 7)))
    assert not result.ok
    assert "rather talk" in "\n".join(result.lines())


def test_a_check_of_a_server() -> None:
    with stand_in_server(stream(delta(content="hi"), delta(finish="stop"))) as server:
        done = CliRunner().invoke(model_app, ["check", "--url", server.url], standalone_mode=False)
        assert done.return_value == 1
        assert "tool call  none" in done.stdout
    with stand_in_server(failure(401, "who are you")) as server:
        done = CliRunner().invoke(model_app, ["check", "--url", server.url], standalone_mode=False)
        assert done.return_value == 2


def test_a_check_of_a_server_names_the_faults_that_it_has() -> None:
    def checked(url: str) -> tuple[int, dict[str, Any]]:
        words = ["check", "--model-url", url, "--max-tokens", "4", "--json"]
        done = CliRunner().invoke(model_app, words, standalone_mode=False)
        return done.return_value, json.loads(done.stdout)

    with trap_server("strips", "null_is_nothing") as server:
        code, told = checked(server.url)
    outcomes = {trap["name"]: trap["outcome"] for trap in told["traps"]}
    assert (code, told["ok"]) == (1, False)
    assert (outcomes["indentation"], outcomes["null"]) == ("fallen into", "worked around")
    with trap_server("null_is_nothing") as server:
        code, told = checked(server.url)
        assert (code, told["ok"], told["context_window"]) == (0, True, 32_768)
        lines = CliRunner().invoke(model_app, ["check", "--url", server.url], standalone_mode=False)
    assert "trap       null               worked around: the text `null`" in lines.stdout
    with stand_in_server(failure(401, "who are you")) as server:
        code, told = checked(server.url)
    assert (code, told["ok"]) == (2, False)
    assert "who are you" in told["error"]


@pytest.mark.parametrize("words", [["check"], ["check", "a", "--url", "b"]])
def test_a_check_needs_one_model(words: list[str]) -> None:
    assert CliRunner().invoke(model_app, words, standalone_mode=False).return_value == 2


def test_opening_and_recording(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give a model"):
        open_model(None)
    remote = open_model("name", url="http://127.0.0.1:9/v1")
    assert isinstance(remote, RemoteModel)
    remote.close()
    model = open_model(script(tmp_path / "s", {"content": "x"}), record=tmp_path / "r")
    ask = [Message(role="user", content="?")]
    said = model.generate(ask, (), GenerationParams())
    model.close()
    assert open_model(f"scripted:{tmp_path / 'r'}").generate(ask, (), GenerationParams()) == said


def test_compiling_is_asked_for_by_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def open_only(path: str, **options: Any) -> Any:
        asked.append(options["compile_layers"])
        raise NoWeights("there is no model")

    monkeypatch.setattr("cli.commands.model.open_model", open_only)
    for switch in ([], ["--compile"]):
        words = ["serve", "somewhere", *switch]
        CliRunner().invoke(model_app, words, standalone_mode=False)
    assert asked == [False, True]


def test_a_model_in_process_without_its_packages() -> None:
    # None in sys.modules is what Python itself takes for a package that is not there.
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from agent.model.open import open_model\n"
        "open_model('somewhere')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "MissingPackage: a model in this process needs" in done.stderr
    assert "[model]" in done.stderr


def test_the_tiny_model_passes_the_check(tmp_path: Path) -> None:
    require_model_extra()
    from tests.support.tiny_model import build_tiny_model

    build_tiny_model(tmp_path)
    words = ["check", str(tmp_path), "--max-tokens", "8", "--context-window", "1024"]
    done = CliRunner().invoke(model_app, words, standalone_mode=False)
    assert "kernel     causal_conv1d_fn: torch" in done.stdout
    assert "memory's bandwidth allows" in done.stdout
    assert "tool call" in done.stdout
    absent = CliRunner().invoke(model_app, ["check", "/absent"], standalone_mode=False)
    assert absent.return_value == 2
