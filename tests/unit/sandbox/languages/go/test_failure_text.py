"""What is read of what Go's tests print, as Go 1.27 prints it."""

from __future__ import annotations

from pathlib import Path

from sandbox.languages.go.guest_programs.failure_text import failure, of_project

PANIC = """=== RUN   TestTheOldestGoes/4_values
--- FAIL: TestTheOldestGoes (0.00s)
    --- FAIL: TestTheOldestGoes/4_values (0.00s)
panic: runtime error: index out of range [3] with length 3 [recovered, repanicked]

goroutine 9 [running]:
testing.tRunner.func1.2({0x5c8a40, 0xc000012150})
\t/opt/go/src/testing/testing.go:1734 +0x21c
panic({0x5c8a40?, 0xc000012150?})
\t/opt/go/src/runtime/panic.go:783 +0x132
example.com/ring.(*Buffer[...]).Push(...)
\t/work/ring.go:30
example.com/ring.filled(0x3, 0x4)
\t/work/ring_test.go:12 +0x9b
testing.tRunner(0xc0000036c0, 0xc000010a50)
\t/opt/go/src/testing/testing.go:1792 +0xf4

goroutine 1 [chan receive]:
example.com/ring.other(0x3, 0x4)
\t/work/other.go:1 +0x9b
"""


def test_a_panic_has_its_frames_in_the_project_innermost_last() -> None:
    told = failure(PANIC, "", "/work")
    assert told["message"] == "runtime error: index out of range [3] with length 3"
    assert told["exception"] == "runtime error"
    assert told["frames"] == [
        ["ring_test.go", 12, "filled"],
        ["ring.go", 30, "(*Buffer[...]).Push"],
    ]


def test_a_failure_has_what_stands_behind_its_first_place(tmp_path: Path) -> None:
    (tmp_path / "money").mkdir()
    (tmp_path / "money/split_test.go").touch()
    text = (
        "=== RUN   TestSplit\n    split_test.go:31: Split(1001, 3) = [1],\n        want [2]\n"
        "    split_test.go:40: later\n--- FAIL: TestSplit (0.00s)\n"
    )
    told = failure(text, "money", str(tmp_path))
    assert told["message"] == "Split(1001, 3) = [1], want [2]"
    assert told["frames"] == [["money/split_test.go", 40, ""], ["money/split_test.go", 31, ""]]
    assert told["details"].splitlines()[0] == "    split_test.go:31: Split(1001, 3) = [1],"


def test_what_no_place_is_named_for_is_the_whole_text() -> None:
    told = failure("got:\n[2]\nwant:\n[1]\n", "", "/work")
    assert told["message"] == "got: [2] want: [1]"
    assert told["frames"] == []


def test_what_the_compiler_says_names_paths_from_the_top() -> None:
    text = "# x\n./split.go:12:3: undefined: y\nvet: ./a.go:3:1: no\n"
    assert of_project(text, "money") == (
        "# x\nmoney/split.go:12:3: undefined: y\nvet: money/a.go:3:1: no\n"
    )
    assert of_project("../b/x.go:1:2: no\n", "a") == "b/x.go:1:2: no\n"
