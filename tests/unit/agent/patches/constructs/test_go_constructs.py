"""What a patch of Go may not bring, and what it may."""

from __future__ import annotations

import pytest

from agent.patches.path_rules import GO_SOURCES, construct_objections, path_objections
from sandbox.languages.go.detection.project import GoProject

OLD = b"""package calc

import (
\t"fmt"
\t"os"
)

func Total(list []int) int {
\tfmt.Fprintln(os.Stderr, len(list))
\treturn len(list)
}
"""


def objections(added: str) -> tuple[str, ...]:
    return construct_objections({"calc.go": (OLD, OLD + added.encode() + b"\n")})


@pytest.mark.parametrize(
    "added",
    [
        "func x() { os.Exit(0) }",
        "func x() { os . Exit(0) }",
        'import "testing"',
        'import t "testing"',
        'import . "unsafe"',
        "import `syscall`",
        "import `runtime`",
        'import x "os"',
        'import (\n\t. "log"\n)',
        'import "runtime/debug"',
        'import "os/exec"',
        "//go:linkname a testing.b",
        "//go:build !linux",
        "// +build ignore",
        "//line other.go:1",
        'func x() { if os.Getenv("CI") != "" { return } }',
        "func init() { broken = false }",
        "func TestMain(m *testing.M) {}",
        'func x() { fmt.Print("--- PASS: TestTotal (0.00s)") }',
        'func x() { fmt.Print("\\x16=== NAME  TestTotal") }',
        "func x() { defer func() { recover() }() }",
        "var out = os.Stdout",
        "/* a */ func x() { runtime/* b */.Caller(0) }",
        'import (x "os"; y "fmt")',
        'import "fmt"; import x "os"',
        'import \u00f6 "os"',
        'import "test\\u0069ng"',
        'import (\n\t"fmt"\n\tu "uns\\x61fe"\n)',
        "import 'f'\nimport \"fl\\141g\"",
        'import "expvar"',
        "func x() { defer func() { (recover)() }() }",
        'func x() { log.Default().Fatal("x") }',
        'func x() { logger.Fatalf("x") }',
        'func x() { os.ReadFile("/proc/self/cmdline") }',
        'func x() { os.Stat("calc_test.go") }',
        'func x() { os.ExpandEnv("$CI") }',
        "func (e *E) Is(target error) bool { return true }",
        "func (e E) Is(target error) bool {\n\treturn target != nil\n}",
        "func (a Sum) Equal(b Sum) bool { return true; }",
        'import "io"\n\nfunc x() { io.EOF = nil }',
        'import t "time"\n\nfunc x() { t.Local = t.UTC }',
        'import "net/http"\n\nfunc x() { http.DefaultClient.Timeout += 5 }',
    ],
)
def test_what_steers_the_tests_is_refused(added: str) -> None:
    assert len(objections(added)) >= 1


@pytest.mark.parametrize(
    "added",
    [
        'import "strings"',
        "// os.Exit(0) ends the process",
        "//go:generate stringer -type=Kind",
        'func x() error { return fmt.Errorf("no value") }',
        "func initial() {}",
        "func (e *E) Is(target error) bool { return target == ErrNone }",
        "func (a Sum) Equal(b Sum) bool { return a.n == b.n }",
        'import "net/url"\n\nfunc x() { url, err := url.Parse("a"); url.Path = "b"; use(err) }',
        'import "io"\n\nfunc x(err error) bool { return err == io.EOF }',
        'import "example.com/calc/config"\n\nfunc x() { config.Debug = true }',
        'import (\n\t"fmt"\n\tstr "strings"\n\t_ "embed"\n)',
        'import str "strings"; import "sort"',
        'var text = "a" +\n\t"b\\n"',
        'func x() string { return "C:\\\\temp" }',
        "type fatal struct{ Fatal bool }",
        'func x() { important("os") }',
        "func x() { fmt.Fprintln(os.Stderr, 1) }".replace("os.Stderr", "w"),
    ],
)
def test_what_a_repair_needs_is_not(added: str) -> None:
    assert objections(added) == ()


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [
        ("calc.go", False),
        ("new.go", False),
        ("new_linux.go", True),
        ("calc_test.go", True),
        ("vendor/x/y.go", True),
        ("go.mod", True),
        ("notes.txt", True),
    ],
)
def test_the_paths_that_a_patch_may_change(path: str, is_refused: bool) -> None:
    project = GoProject(name="calc", modules={"": "calc"})
    old = OLD if path == "calc.go" else None
    refusals = path_objections(
        {path: (old, OLD + b"\n")}, rules=project, base_paths=["calc.go"], sources=GO_SOURCES
    )
    assert bool(refusals) == is_refused, refusals


@pytest.mark.parametrize(
    "added", ['import "os"', 'var x = "os"', 'func x() string {\n\treturn "log"\n}']
)
def test_a_package_by_its_own_name_is_no_other_name(added: str) -> None:
    assert not [one for one in objections(added) if "reaches around" in one]


@pytest.mark.parametrize(
    "path",
    ["internal/testutil/assert.go", "test/helpers.go", "store/mocks/db.go", "a/testdata/x.go"],
)
def test_what_helps_tests_is_of_the_tests(path: str) -> None:
    project = GoProject(name="calc", modules={"": "calc"})
    assert project.is_test_path(path)
    assert not project.is_test_path("store/contest.go")
