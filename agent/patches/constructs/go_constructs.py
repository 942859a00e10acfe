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
    before, after = _code(before), _code(after)
    yield from additions(path, _PATTERNS, before, after)
    for form in sorted(set(_hidden_imports(after)) - set(_hidden_imports(before))):
        yield f"{path}: the patch imports a package by other words than its own (`{form[:60]}`)"


def _hidden_imports(code: str) -> Iterator[str]:
    """Those whose words the patterns would not find: `os` by another name or by none, and paths
    that are written with escapes."""
    for declaration in _IMPORT.finditer(code):
        for name, path in _SPECIFICATION.findall(declaration[1]):
            if "\\" in path or (name not in ("", "_") and path[1:-1] in ("os", "log")):
                yield f"{name} {path}".strip()


def _code(text: str) -> str:
    return _COMMENT.sub(lambda match: match[0] if match[1] is not None else " ", text)
