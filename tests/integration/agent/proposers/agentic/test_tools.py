"""Each tool of the model, on a real working copy in a real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.proposers.agentic.candidate import Rules, make_candidate, refusal
from agent.proposers.agentic.tools.editor import Editor
from agent.proposers.agentic.tools.protection import take_back
from agent.proposers.agentic.tools.shell import run_bash
from agent.proposers.agentic.tools.truncation import cut
from agent.proposers.agentic.tools.working_copy import WorkingTree
from sandbox.base import Limits
from sandbox.source import apply_edits, decode_source_lossless
from tests.support.verdict_case import Layout, snapshot_of, strongest_sandbox, this_environment

FILES = {
    "shop/cart.py": b"def total(items):\n    return sum(items) + 1\n"
    b"\n\ndef none():\n    return 1\n",
    "shop/dos.py": b"def f():\r\n    return 1\r\n",
    "shop/tabs.py": b"def f():\n\treturn 1",
    "shop/latin.py": b"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\n",
    "shop/broken.py": b"def f(:\n    return 1\n",
    "shop/data.bin": b"\x00\x01",
    "tests/test_cart.py": b"def test():\n    pass\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[WorkingTree]:
    sandbox = strongest_sandbox(tmp_path / "cache")
    base = snapshot_of(FILES, tmp_path)
    environment = this_environment()
    with sandbox.open(environment, base.tar, Limits()) as session:
        yield WorkingTree(session, FILES.get, environment.python)


@pytest.fixture
def editor(tree: WorkingTree) -> Editor:
    return Editor(tree, {})


def replace(editor: Editor, path: str, old: str, new: str) -> str:
    return editor({"command": "str_replace", "path": path, "old_str": old, "new_str": new})


def test_view_numbers_lines_and_takes_a_range(editor: Editor, tree: WorkingTree) -> None:
    whole = editor({"command": "view", "path": "shop/cart.py"})
    assert "lines 1-6 of 6" in whole
    assert "\n     2\t    return sum(items) + 1\n" in whole
    absolute = f"{tree.workspace}/shop/cart.py"
    part = editor({"command": "view", "path": absolute, "view_range": [5, -1]})
    assert part.endswith("     5\tdef none():\n     6\t    return 1")
    assert "must lie within" in editor(
        {"command": "view", "path": "shop/cart.py", "view_range": [9, 3]}
    )
    assert "shop/cart.py" in editor({"command": "view", "path": "."})
    assert "binary" in editor({"command": "view", "path": "shop/data.bin"})
    assert editor({"command": "view", "path": "nowhere.py"}) == "There is no file nowhere.py."


def test_str_replace_is_exact_and_unique(editor: Editor, tree: WorkingTree) -> None:
    assert "lines 2, 6" not in replace(editor, "shop/cart.py", "return sum", "return sum")
    twice = replace(editor, "shop/cart.py", "return", "yield")
    assert "stands 2 times in shop/cart.py (lines 2, 6)" in twice
    indented = replace(editor, "shop/cart.py", "return sum(items)  + 1", "x")
    assert "only its white space differs" in indented
    assert "     2\t    return sum(items) + 1" in indented
    near = replace(editor, "shop/cart.py", "    return sum(item) + 1", "x")
    assert "this comes nearest" in near
    done = replace(editor, "shop/cart.py", "sum(items) + 1", "sum(items)")
    assert "     2\t    return sum(items)\n" in done
    assert tree.read("shop/cart.py") == FILES["shop/cart.py"].replace(b" + 1", b"")


def test_an_edit_that_breaks_the_syntax_is_refused(editor: Editor, tree: WorkingTree) -> None:
    answer = replace(editor, "shop/cart.py", "    return sum(items) + 1", "  if items")
    assert "no longer be valid Python" in answer
    assert "line 2" in answer
    assert tree.read("shop/cart.py") == FILES["shop/cart.py"]
    mended = replace(editor, "shop/broken.py", "def f(:", "def f():")
    assert "is edited" in mended


def test_bytes_stay_as_they_were(editor: Editor, tree: WorkingTree) -> None:
    replace(
        editor, "shop/dos.py", "def f():\n    return 1\n", "def f():\n    x = 2\n    return x\n"
    )
    assert tree.read("shop/dos.py") == b"def f():\r\n    x = 2\r\n    return x\r\n"
    replace(editor, "shop/tabs.py", "\treturn 1", "\treturn 2")
    assert tree.read("shop/tabs.py") == b"def f():\n\treturn 2"
    editor({"command": "insert", "path": "shop/tabs.py", "insert_line": 2, "new_str": "# end\n"})
    assert tree.read("shop/tabs.py") == b"def f():\n\treturn 2\n# end"
    replace(editor, "shop/latin.py", "caf", "th")
    assert tree.read("shop/latin.py").endswith(b"NAME = 'th\xe9'\n")
    assert "encoding" in replace(editor, "shop/latin.py", "th", "\u4e2d")


def test_insert_create_undo(editor: Editor, tree: WorkingTree) -> None:
    top = {"command": "insert", "path": "shop/cart.py", "insert_line": 0, "new_str": "import os"}
    assert "is edited" in editor(top)
    assert tree.read("shop/cart.py").startswith(b"import os\ndef total")
    assert "insert_line must be from 0 to 7" in editor({**top, "insert_line": 8})
    assert "is undone" in editor({"command": "undo_edit", "path": "shop/cart.py"})
    assert tree.changes() == {}
    new = {"command": "create", "path": "shop/tax.py", "file_text": "RATE = 7\n"}
    assert editor(new) == "shop/tax.py is created."
    assert "exists already" in editor(new)
    assert "is removed again" in editor({"command": "undo_edit", "path": "shop/tax.py"})
    assert "no edit" in editor({"command": "undo_edit", "path": "shop/tax.py"})
    assert "outside the project" in editor({**new, "path": "/etc/x"})
    assert "outside the project" in editor({**new, "path": "../x.py"})


def test_undo_survives_a_new_process(editor: Editor, tree: WorkingTree) -> None:
    replace(editor, "shop/cart.py", " + 1", "")
    again = Editor(tree, editor.undo)
    assert "is undone" in again({"command": "undo_edit", "path": "shop/cart.py"})
    assert tree.changes() == {}


def test_bash_is_offline_timed_and_seen(tree: WorkingTree) -> None:
    assert run_bash(tree, {"command": "exit 3"}, 60) == "[exit code 3]"
    assert run_bash(tree, {"command": "true"}, 60) == "[no output, exit code 0]"
    assert "longer than 1 seconds" in run_bash(tree, {"command": "sleep 9", "timeout": 1}, 60)
    script = "python -c \"import socket; socket.create_connection(('192.0.2.1', 80), 2)\""
    assert "Error" in run_bash(tree, {"command": script}, 60)
    assert run_bash(tree, {"command": " "}, 60) == "Give a command."
    run_bash(
        tree, {"command": "sed -i 's/ + 1//' shop/cart.py; rm shop/dos.py; echo x > new.py"}, 60
    )
    assert {path: new for path, (_, new) in tree.changes().items()} == {
        "new.py": b"x\n",
        "shop/cart.py": FILES["shop/cart.py"].replace(b" + 1", b""),
        "shop/dos.py": None,
    }


def test_a_file_made_by_the_editor_and_removed_by_a_command_is_gone(
    editor: Editor, tree: WorkingTree
) -> None:
    for path in ("note.py", ".tox/kept.py"):
        editor({"command": "create", "path": path, "file_text": "print(6 * 7)\n"})
    assert "42" in run_bash(tree, {"command": "python note.py; rm note.py"}, 60.0)
    assert set(tree.changes()) == {".tox/kept.py"}  # where no look goes, and still there


def test_a_tree_is_restored_in_a_fresh_sandbox(tree: WorkingTree, tmp_path: Path) -> None:
    run_bash(tree, {"command": "sed -i 's/ + 1//' shop/cart.py; rm shop/dos.py"}, 60)
    sandbox = strongest_sandbox(tmp_path / "cache")
    base = snapshot_of(FILES, tmp_path)
    with sandbox.open(this_environment(), base.tar, Limits()) as session:
        other = WorkingTree(session, FILES.get, this_environment().python)
        assert other.digest() != tree.digest()
        other.restore(tree.saved())
        assert other.digest() == tree.digest()
        other.rescan()
        assert other.changes() == tree.changes()


def test_only_source_becomes_a_patch(tree: WorkingTree) -> None:
    command = (
        "sed -i 's/ + 1//' shop/cart.py; echo '#' >> tests/test_cart.py; rm shop/tabs.py; "
        "printf 'import os\\n' > conftest.py; printf 'RATE = 7\\n' > shop/tax.py; mkdir -p notes; "
        "echo hello > notes/a.txt"
    )
    run_bash(tree, {"command": command}, 60)
    rules = Rules(layout=Layout(), base_paths=FILES.keys(), links=(), include_tests=False)
    made = make_candidate(tree, rules)
    assert made.candidate is not None
    assert {edit.path for edit in made.candidate.edits} == {"shop/cart.py", "shop/tax.py"}
    said = made.candidate.description
    assert said.startswith("the model's edit of shop/cart.py, shop/tax.py (")
    assert "; left out: shop/tabs.py, tests/test_cart.py)" in said
    cart = [edit for edit in made.candidate.edits if edit.path == "shop/cart.py"]
    text = apply_edits(decode_source_lossless(FILES["shop/cart.py"]).text, cart)
    assert text.encode() == tree.read("shop/cart.py")
    told = " ".join(made.dropped)
    for words in (
        "test_cart.py: it is a test",
        "conftest.py",
        "deletes the whole",
        "a.txt: it is not",
    ):
        assert words in told


def test_a_long_observation_is_cut_and_kept(tree: WorkingTree) -> None:
    text = "\n".join(f"line {number}" for number in range(5000))
    place = f"{tree.scratch}/observation-1.txt"
    shown = cut(text, tree, place)
    assert len(shown) < 13_000
    assert shown.startswith("line 0\n")
    assert shown.endswith("line 4999")
    assert f"sed -n '100,200p' {place}" in shown
    assert run_bash(tree, {"command": f"sed -n 2500p {place}"}, 60) == "line 2499"
    assert cut("short", tree.session, place) == "short"


HOSTILE = {
    "a.py": b"x = 1\r\n",
    ".gitattributes": b"* text=auto eol=lf\n*.py filter=evil ident\n",
    ".gitignore": b"kept/\n",
    "kept/data.txt": b"1\n",
}


def test_the_sandbox_has_a_repository_of_one_commit_that_changes_no_byte(tmp_path: Path) -> None:
    sandbox = strongest_sandbox(tmp_path / "cache")
    base = snapshot_of(HOSTILE, tmp_path)
    environment = this_environment()
    heads = set()
    for _ in range(2):
        with sandbox.open(environment, base.tar, Limits()) as session:
            tree = WorkingTree(session, HOSTILE.get, environment.python)
            assert (tree.shown_workspace, tree.scratch) == ("/workspace", "/tmp/scratch")
            heads.add(run_bash(tree, {"command": "git log --format=%H; git status --short"}, 60))
            command = "sed -i 's/1/2/' a.py kept/data.txt; git diff --stat | tail -1; git stash -q"
            assert "2 files changed" in run_bash(tree, {"command": command}, 60)
            assert tree.changes() == {}
            assert tree.read("a.py") == HOSTILE["a.py"]
            run_bash(tree, {"command": "git stash pop"}, 60)
            assert tree.changes()["a.py"][1] == b"x = 2\r\n"
    assert len(heads) == 1  # the same words in every run: a prompt's prefix can be shared


def test_python_and_pip_are_the_projects_and_lines_count_from_one(tree: WorkingTree) -> None:
    said = run_bash(tree, {"command": "python -c 'import sys; print(sys.executable)'"}, 60)
    assert said == tree.python
    assert "pytest" in run_bash(tree, {"command": "pip --version >/dev/null && pip list"}, 60)
    assert "line 1:" in run_bash(tree, {"command": "no_such_command"}, 60)


def test_edits_of_tests_are_refused_and_taken_back(tree: WorkingTree) -> None:
    rules = Rules(layout=Layout(), base_paths=FILES.keys(), links=(), include_tests=False)
    refused = partial(refusal, rules=rules)
    careful = Editor(tree, {}, refused)
    assert "it is a test" in replace(careful, "tests/test_cart.py", "pass", "return")
    conftest = {"command": "create", "path": "conftest.py", "file_text": "x = 1\n"}
    assert careful(conftest).startswith("Not edited: conftest.py: it configures the tests")
    probe = {"command": "create", "path": "tests/test_probe.py", "file_text": "x = 1\n"}
    assert careful(probe) == "tests/test_probe.py is created."  # it changes no test
    run_bash(tree, {"command": "rm tests/test_cart.py; touch pytest.ini shop/new.py"}, 60)
    told = take_back(tree, refused)
    assert "tests/test_cart.py: it is a test" in told
    assert "pytest.ini: it configures" in told
    assert set(tree.changes()) == {"shop/new.py", "tests/test_probe.py"}
    assert tree.read("tests/test_cart.py") == FILES["tests/test_cart.py"]
