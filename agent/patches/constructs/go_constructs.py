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
_STEERING = r'["`](?:testing|flag|os/exec|os/signal|plugin|syscall|unsafe|runtime|C|debug/\w+)'
_IMPORTS = (
    rf"{_STEERING}(?:/[\w/]*)?[\"`]|[\"`]golang\.org/x/sys[\w/]*[\"`]"
    # By another name, or by none, the words below would not be found.
    r"|(?m:^[ \t]*(?:import[ \t]+)?(?!(?:import|return|case|go|defer)\b)(?:[A-Za-z_]\w*|\.)"
    r"[ \t]*[\"`](?:os|log)[\"`][ \t]*$)"
)
_PATTERNS = {
    effect: re.compile(pattern)
    for effect, pattern in {
        "imports a package that reaches around the code": _IMPORTS,
        "ends or steers the process": r"\bos\s*\.\s*(?:Exit|Stdout|Stderr|Args|Executable|Setenv"
        r"|Unsetenv|Clearenv|Chdir|Getppid|FindProcess|StartProcess|NewFile)\b|\bruntime\s*\.\s*\w+"
        r"|\blog\s*\.\s*(?:Fatal\w*|SetOutput)\b",
        "reads which environment the code runs in": r"\bos\s*\.\s*(?:Getenv|LookupEnv|Environ"
        r"|Hostname|Getpid|Getwd)\b|\btesting\s*\.\s*(?:Testing|Verbose|Short)\b",
        "looks at who calls it": r"\bruntime\s*\.\s*(?:Caller|Callers|Stack|CallersFrames)\b"
        r"|\bdebug\s*\.\s*(?:Stack|PrintStack)\b",
        "prints what a runner of tests would": r"--- (?:PASS|FAIL|SKIP)|=== (?:RUN|NAME|CONT|PAUSE)"
        r"|\\x16|\\u0016|\\026|\bSYN\b|\\x2d\\x2d",
        "runs before the tests": r"\bfunc\s+init\s*\(\s*\)|\bfunc\s+TestMain\b",
        "catches what a test would see": r"\brecover\s*\(\s*\)",
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
    yield from additions(path, _PATTERNS, _code(before), _code(after))


def _code(text: str) -> str:
    return _COMMENT.sub(lambda match: match[0] if match[1] is not None else " ", text)
