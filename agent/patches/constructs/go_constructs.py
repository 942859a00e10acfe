"""What is new in a patch of Go and has no business in a repair: it could steer the tests instead of
the code.

There is no parser for it here, so it is found by words outside of comments, and in the comments
that the compiler reads. What hides behind other words is left to the layers that run the patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.patches.constructs.word_forms import additions, text_of

_COMMENT = re.compile(
    # What is not closed ends with the text, or its line: so that each letter is looked at once.
    r"""("(?:\\.|[^"\\\n])*"?|`[^`]*`?|'(?:\\[^\n]|[^'\\\n]){1,12}')|//[^\n]*|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)
_STEERING = (
    r'["`](?:testing|flag|os/exec|os/signal|os/user|plugin|syscall|unsafe|runtime|C|expvar'
    r"|net/http/pprof|debug/\w+)"
)
_IMPORTS = rf"{_STEERING}(?:/[\w/]*)?[\"`]|[\"`]golang\.org/x/sys[\w/]*[\"`]"
_IMPORTS += r"|[\"`]github\.com/(?:stretchr/testify|onsi/g\w+)[\w/]*[\"`]"
_IMPORT = re.compile(r"\bimport\s*(\([^()]*\)|(?:[\w.]{1,100}\s+)?(?:\"[^\"\n]*\"|`[^`]*`))")
"""A declaration: `import` is a word that stands nowhere else in code."""
_SPECIFICATION = re.compile(r"(?:(?<![\w.])([\w.]{1,100})[ \t]{1,100})?(\"[^\"\n]*\"|`[^`]*`)")
_LIBRARY = frozenset(
    [
        "archive",
        "bufio",
        "bytes",
        "compress",
        "container",
        "context",
        "crypto",
        "database",
        "debug",
        "embed",
        "encoding",
        "errors",
        "expvar",
        "flag",
        "fmt",
        "go",
        "hash",
        "html",
        "image",
        "io",
        "iter",
        "log",
        "maps",
        "math",
        "mime",
        "net",
        "os",
        "path",
        "plugin",
        "reflect",
        "regexp",
        "runtime",
        "slices",
        "sort",
        "strconv",
        "strings",
        "sync",
        "syscall",
        "testing",
        "text",
        "time",
        "unicode",
        "unique",
        "unsafe",
    ]
)
_ASSIGNS = r"\s*(?:,[^=\n;{}()]{0,200})?(?:[-+*/%&|^]|<<|>>)?=(?!=)"
_PATTERNS = {
    effect: re.compile(pattern)
    for effect, pattern in {
        "imports a package that reaches around the code": _IMPORTS,
        "ends or steers the process": r"\bos\s*\.\s*(?:Exit|Stdout|Stderr|Args|Executable|Setenv"
        r"|Unsetenv|Clearenv|Chdir|Getppid|FindProcess|StartProcess|NewFile)\b|\bruntime\s*\.\s*\w+"
        r"|\blog\s*\.\s*SetOutput\b|\.\s*Fatal(?:f|ln)?\b",
        "reads which environment the code runs in": r"\bos\s*\.\s*(?:Getenv|LookupEnv|Environ"
        r"|ExpandEnv|Hostname|Getpid|Getwd|Gete?[ug]id|Getgroups)\b"
        r"|\btesting\s*\.\s*(?:Testing|Verbose|Short)\b",
        "looks for the tests or the process": r"[\"`/]proc/|_test\.go\b",
        "looks at who calls it": r"\bruntime\s*\.\s*(?:Caller|Callers|Stack|CallersFrames)\b"
        r"|\bdebug\s*\.\s*(?:Stack|PrintStack)\b",
        "prints what a runner of tests would": r"--- (?:PASS|FAIL|SKIP)|=== (?:RUN|NAME|CONT|PAUSE)"
        r"|\\x16|\\u0016|\\026|\bSYN\b|\\x2d\\x2d",
        "runs before the tests": r"\bfunc\s+init\s*\(\s*\)|\bfunc\s+TestMain\b",
        "adds a comparison that always answers the same": r"\bfunc\s*\([^()\n]*\)\s*"
        r"(?:Is|As|Equals?|Less|Compare|Matches)\s*\([^()\n]*\)\s*\w+\s*\{\s*return\s+"
        r"(?:true|0|\w+\s*!=\s*nil)\s*;?\s*\}",
        "catches what a test would see": r"\brecover\s*\)*\s*\(\s*\)",
    }.items()
}
_DIRECTIVES = {
    "tells the compiler another thing than the code": re.compile(
        r"^[ \t]*//(?:go:(?!generate)\w+[^\n]*|[ \t]*\+build[^\n]*|line [^\n]*|export [^\n]*)"
        r"|^[ \t]*/\*line [^\n]*",
        re.MULTILINE,
    ),
}


def new_forms(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    """One sentence for each kind of form that the patch brings."""
    before, after = text_of(old), text_of(new)
    yield from additions(path, _DIRECTIVES, before, after)
    before, after = code_of(before), code_of(after)
    yield from additions(path, _PATTERNS, before, after)
    for form in sorted(set(_replaced(after)) - set(_replaced(before))):
        yield f"{path}: the patch changes what every program has (`{form[:60]}`)"
    for form in sorted(set(_hidden_imports(after)) - set(_hidden_imports(before))):
        yield f"{path}: the patch imports a package by other words than its own (`{form[:60]}`)"


def _hidden_imports(code: str) -> Iterator[str]:
    """Those whose words the patterns would not find: `os` by another name or by none, and paths
    that are written with escapes."""
    for declaration in _IMPORT.finditer(code):
        for name, path in _SPECIFICATION.findall(declaration[1]):
            if "\\" in path or (name not in ("", "_") and path[1:-1] in ("os", "log")):
                yield f"{name} {path}".strip()


def _replaced(code: str) -> Iterator[str]:
    """Variables of the standard library that are set: `io.EOF = nil`, `time.Local = time.UTC`."""
    for name in sorted(set(_library_names(code))):
        pattern = rf"(?<![\w.]){re.escape(name)}\s*\.\s*[A-Z]\w*(?:\s*\.\s*\w+)*{_ASSIGNS}"
        for match in re.finditer(pattern, code):
            yield "".join(match[0].split())


def _library_names(code: str) -> Iterator[str]:
    """By what names a file calls packages of the standard library, and nothing of its own."""
    for declaration in _IMPORT.finditer(code):
        for name, path in _SPECIFICATION.findall(declaration[1]):
            called = name if name not in ("", "_", ".") else path[1:-1].rpartition("/")[2]
            word = re.escape(called)
            own = rf"(?<![\w.]){word}\s*(?:,[^=\n]{{0,100}})?:=|[(,]\s*{word}\s+[*\[\]\w]"
            if path[1:-1].partition("/")[0] in _LIBRARY and not re.search(own, code):
                yield called


def code_of(text: str) -> str:
    """The text without its comments."""
    return _COMMENT.sub(lambda match: match[0] if match[1] is not None else " ", text)
