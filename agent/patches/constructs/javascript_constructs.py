"""What is new in a patch of JavaScript and has no business in a repair: it could steer the tests
instead of the code.

There is no parser for it here, so it is found by words outside of comments: a form that is written
more often than before. What hides behind other words is left to the layers that run the patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.patches.constructs.word_forms import additions, more, text_of

_BUILT_IN = (
    "Object|Array|Function|String|Number|Boolean|BigInt|Symbol|Promise|Error|TypeError|RegExp|Map"
    "|Set|WeakMap|WeakSet|Date|JSON|Math|Reflect|Proxy|console|process|Buffer|assert|globalThis"
    "|global|window|module|require"
)
_SHARED = (
    "Object|Array|Function|String|Number|Boolean|BigInt|Symbol|Promise|Error|RegExp|Map|Set|Date"
    "|JSON|Math|Reflect|process|console"
)
"""Of those, the ones under which nobody keeps what is his own."""
_ASSIGNS = r"\s*(?:=(?![=>])|(?:\+|-|\*{1,2}|/|%|\||&|\^|\|\||&&|\?\?|<<|>>>?)=(?!=))"
_COMMENT = re.compile(
    # What is not closed ends with the text, or its line: so that each letter is looked at once.
    r"""("(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?)|//[^\n]*|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)
_MODULES = (
    "child_process|cluster|inspector|module|process|repl|test|v8|vm|wasi|worker_threads|async_hooks"
    "|diagnostics_channel|perf_hooks"
)
_OF_TEXT = (
    "includes|match|matchAll|split|indexOf|lastIndexOf|search|startsWith|endsWith|replace|replaceAll"
    "|slice|substring|substr|toString|charAt|localeCompare"
)
"""Methods by which a program reads a text."""
_OF_PROCESS = "arch|cwd|emitWarning|env|platform|stdin|stdout|stderr|umask|versions?"
"""Of the process, what says nothing of who started it."""
_COMPARISONS = "includes|every|some|equals|isEquals?|startsWith|endsWith"
_FORMS = {
    "gives another name to what every program has": r"\b(?:const|let|var)\s+[\w$]+\s*=\s*"
    r"(?:Object|Array|String|Number|JSON|Math|Reflect|Proxy|process|require)\s*(?:[;,\n]|\Z)"
    r"|\{[^{}\n]{0,200}\b(?:prototype|define\w+|setPrototypeOf|assign)\b[^{}\n]{0,200}\}\s*="
    rf"\s*(?:{_SHARED})\s*(?:[;,\n]|\Z)",
    "ends or steers the process": r"\}\s*=\s*process\b(?!\s*[.(])"
    r"|\bprocess\s*(?:\?\.\s*\[|\??\.\s*(?:exit|abort|kill|reallyExit"
    r"|_\w+|binding|dlopen|chdir|emit|on|once|addListener|prependListener|setUncaught\w*|execve"
    r"|exitCode|argv|execArgv|mainModule|hrtime|nextTick)\b|\[)",
    "reads which environment the code runs in": r"\bprocess\s*\??\.\s*env\b"
    r"|\bNODE_(?:ENV|TEST|OPTIONS)\w*|\b(?:JEST|VITEST|MOCHA)_\w+"
    r"|\b(?:userInfo|networkInterfaces|hostname|loadavg|freemem|totalmem)\s*\(",
    "looks for the tests or the process": r"""["'`]/(?:proc|sys|dev/fd)\b"""
    r"|\.(?:test|spec)\.[cm]?[jt]sx?\b",
    "loads a module that reaches around the code": rf"""["'`](?:node:)?(?:{_MODULES})["'`]"""
    r"""|["'`](?:mocha|jest|vitest|ava|tap|tape|sinon|chai|jasmine)(?:/[^"'`]*)?["'`]"""
    r"""|["'`]@(?:jest|vitest)/[^"'`]*["'`]|["'`](?:node:)?assert(?:/strict)?["'`]""",
    "reaches the loader of modules": r"\brequire\s*\.\s*\w+|\brequire\s*\(\s*[^\s\"'`)]"
    r"|\bmodule\s*\.\s*(?!exports\b)\w+|\bimport\s*\(\s*[^\s\"'`)]|\bimport\.meta\b"
    r"""|\b(?:require|import)\s*\(\s*(["'`])(?:(?!\1)[^\n\\$]){0,300}(?:\1\s*[^\s),]|[\\$])"""
    r"|\b__(?:filename|dirname)\b",
    "makes code from text": r"\bconstructor\s*\(\s*[\"'`]"
    r"|\)\s*\.\s*constructor\s*\(|(?<!\bnew )(?<![\w$.])(?!(?:this|super)\b)[\w$]+"
    r"\s*\.\s*constructor\s*\("
    r"|[\w$)\]]\s*\[\s*[\"'`]constructor[\"'`]\s*\]"
    r"|\beval\b|\bnew\s+Function\b|(?<![\w.])Function\s*\(|\bWebAssembly\b"
    r"|\bsetTimeout\s*\(\s*[\"'`]|\bdata:text/javascript",
    "reaches the global object": r"\bglobalThis\b|(?<![\w.$])global\s*(?:\.|\[)|\bwindow\s*\["
    r"|\barguments\s*\.\s*callee\b|\.\s*caller\b|\bin\s+global\b",
    "changes what every program has": rf"\b(?:{_BUILT_IN})(?:\s*\.\s*prototype)?\s*"
    rf"(?:\.\s*(?!exports\b)[\w$]+|\[[^\]\n]{{0,200}}\]){_ASSIGNS}|\bObject\s*\.\s*setPrototypeOf\b"
    rf"|\b(?:Object\s*\.\s*(?:define\w+|assign)|Reflect\s*\.\s*(?:set|define\w+))\s*\(\s*"
    rf"(?!module\s*\.\s*exports)(?:{_BUILT_IN})\s*[,.]"
    r"|\brequire\s*\([^)\n]{0,200}\)\s*(?:\.\s*[\w$]+\s*){1,4}=(?![=>])"
    rf"|\b(?:{_SHARED})(?:\s*\.\s*[\w$]+){{2,4}}{_ASSIGNS}|\bdelete\s+(?:{_SHARED})\s*[.\[]"
    rf"|\bgetPrototypeOf\s*\([^()\n]{{0,200}}\)\s*(?:\.\s*[\w$]+|\[[^\]\n]{{0,200}}\]){_ASSIGNS}"
    rf"|\bconstructor\s*\.\s*(?:constructor\b|prototype\b|[\w$]+{_ASSIGNS})"
    r"|\bgetPrototypeOf\s*\(\s*(?:\[\s*\]|\{\s*\}|\"\"|''|``|/[^/\n]|\d|new\s+(?:Map|Set|Date|RegExp)\b"
    r"|(?:async\b[ \t]*)?(?:function\b|\(\s*\)\s*=>))"
    r"|(?:\[\s*\]|\{\s*\}\)|\"\"|''|``)\s*\.\s*constructor\b"
    r"|[\w$)\]]\s*\[\s*[\"'`]prototype[\"'`]\s*\]"
    r"|(?<!\bprototype)\.\s*(?:includes|indexOf|startsWith|endsWith)\s*="
    r"\s*(?:function\b|async\b|\(|[\w$]+\s*=>)"
    r"|__proto__|__define[GS]etter__|\bprepareStackTrace\b|\bcaptureStackTrace\b",
    "answers for another value when it is compared": r"\basymmetricMatch\b|\bSymbol\s*\.\s*"
    r"(?:hasInstance|toPrimitive|toStringTag|species)\b|\bSymbol\s*\[|\}\s*=\s*Symbol\b"
    r"|[\"'`]valueOf[\"'`]\s*[\](:]"
    rf"|(?<![\w$.])(?:{_COMPARISONS})\s*(?:\([^()\n]*\)\s*\{{\s*return|[:=]\s*\([^()\n]*\)\s*=>)"
    r"\s*(?:true|!0)\s*[;,}\n]"
    r"|\bnodejs\.util\.inspect\.custom\b"
    r"|(?<![\w$.])Proxy\s*[.(]|(?<![\w$.])valueOf\s*[(:]",
    "looks at who calls it": rf"\.\s*stack\s*\??\.\s*(?:{_OF_TEXT})\b"
    r"|\.\s*(?:test|exec|includes)\s*\(\s*[\w$.]+\.stack\b|\[\s*[\"'`]stack[\"'`]\s*\]"
    r"|\{[^{}\n]{0,200}\bstack\b[^{}\n]{0,200}\}\s*=\s*(?:new\s+)?(?:[\w$]*\.)?[\w$]*[Ee]rr"
    r"|\b(?:inspect|format|formatWithOptions)\s*\([^()\n]{0,100}\bnew\s+\w*Error\b",
    "puts a name together": r"""[\w$)\]]\s*\[\s*(["'`])\w*\1\s*(?:\+\s*["'`]|\.\s*concat\b)""",
    "asks for a test runner's names": r"(?<![\w$.])(?:expect|jest|vi)\s*\.\s*\w+"
    r"|(?<![\w$.])(?:describe|it|test)\s*\.\s*(?:only|skip|each|todo|fails|failing|concurrent"
    r"|sequential|extend|for|mock)\b",
}
_PATTERNS = {effect: re.compile(pattern) for effect, pattern in _FORMS.items()}
_STACK = re.compile(r"(?:(?<![\w$])[\w$]++|[)\]])\s*\??\.\s*stack\b")
_LIST_NAMED = re.compile(r"\s*(?:\.\s*(?:push|pop|shift|unshift|length|at|splice)\b|=\s*\[|\[)")
"""Behind a `stack` that is a list of the program's own."""
_RUNNERS = "describe|it|test|beforeEach|afterEach|beforeAll|afterAll|expect|jest|vi"
_RUNNER_NAME = re.compile(
    rf"(?<![\w$.])({_RUNNERS})\s*\(|\btypeof\s+({_RUNNERS})\b(?!\s*[.\[])"
    rf"|[\"'`]({_RUNNERS})[\"'`]\s+in\b"
)
"""It is called, or asked whether it is there."""
_DECLARED = re.compile(
    rf"\b(?:function|const|let|var|class)\s+({_RUNNERS})\b"
    rf"|(?<![\w$.])({_RUNNERS})[ \t]*\([^()\n]*\)[ \t]*\{{"
    rf"|\bfunction\b[\w$ \t*]{{0,100}}\([^()\n]{{0,200}}\b({_RUNNERS})\b|\b({_RUNNERS})\s*=>"
    rf"|\([^()\n]{{0,200}}\b({_RUNNERS})\b[^()\n]{{0,200}}\)\s*=>"
)
"""A name of the file's own, a method of that name, or a parameter."""
_PROCESS = re.compile(
    rf"(?:(?<![\w$.])|(?<=\.\.\.))process\s*(?:\??\.\s*(?!(?:{_OF_PROCESS})\b)[\w$]+|(?=[),;\]}}]))"
)
"""What a program seldom asks of the process, or the process handed on to somebody who may."""
_OWN_PROCESS = re.compile(
    r"\b(?:const|let|var|function|class)\s+process\b|\bprocess\s*=>"
    r"|\([^()\n]{0,200}\bprocess\b[^()\n]{0,200}\)\s*(?:=>|\{)"
)
_ESCAPED = re.compile(r"\\u(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{4})")


def new_forms(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    """One sentence for each kind of form that the patch brings."""
    before, after = code_of(old), code_of(new)
    yield from additions(path, _PATTERNS, before, after)
    for effect, name in _new_names(before, after):
        yield f"{path}: the patch {effect} (`{name[:60]}`)"
    form = more(_PROCESS, _without_texts(before), _without_texts(after))
    if form is not None and not _OWN_PROCESS.search(before):
        yield f"{path}: the patch asks the process, or hands it on (`{form[:60]}`)"
    if len(_ESCAPED.findall(_without_texts(after))) > len(_ESCAPED.findall(_without_texts(before))):
        yield f"{path}: the patch writes a name with escapes"


def _new_names(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Names that only matter where the file had no use for them: a parser has its own `expect`, and
    what shows an error shows its stack."""
    stacks = {_joined(match[0]) for match in _STACK.finditer(before)}
    for match in _STACK.finditer(after):
        if _joined(match[0]) not in stacks and not _LIST_NAMED.match(after, match.end()):
            yield "looks at who calls it", _joined(match[0])
            break
    known_names = {_first(match) for match in _RUNNER_NAME.finditer(before)}
    known_names |= {_first(match) for match in _DECLARED.finditer(after)}
    for match in _RUNNER_NAME.finditer(after):
        if _first(match) not in known_names:
            yield "asks for a test runner's names", _joined(match[0])
            break


def _first(match: re.Match[str]) -> str:
    name: str = next(filter(None, match.groups()))
    return name


def _joined(form: str) -> str:
    return "".join(form.split())


def code_of(content: bytes | None) -> str:
    """The text without its comments."""
    return "".join(_without_comments(text_of(content)))


def _without_comments(text: str) -> Iterator[str]:
    """The text in pieces. What looks like a comment behind a slash on its line may lie in a regular
    expression, and the code behind it runs: it stays."""
    end, has_slash = 0, False
    for match in _COMMENT.finditer(text):
        before = text[end : match.start()]
        _, newline, line = before.rpartition("\n")
        has_slash = "/" in line or (has_slash and not newline)
        yield before
        yield match[0] if match[1] is not None or has_slash else " "
        has_slash = has_slash and "\n" not in match[0]
        end = match.end()
    yield text[end:]


def _without_texts(code: str) -> str:
    return _COMMENT.sub(" ", code)
