"""Runnable examples out of the text of an issue, in JavaScript: code blocks, what `console.log`
prints, lines of Node's prompt, calls in prose.

As in Python nothing is run here, and most examples are guesses: what runs decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.reproduction.examples import Claim, Example
from agent.reproduction.expected_values import exception_name, labelled_expected, stated_value
from agent.reproduction.javascript.literals import is_literal
from agent.reproduction.javascript.statements import Statement, statements

MAX_EXAMPLES = 40
NEARBY_CHARACTERS = 400
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.M | re.S)
_CODE = frozenset(
    ("", "js", "javascript", "jsx", "mjs", "cjs", "node", "ts", "typescript", "tsx", "console")
)
_INLINE = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"^(?:await\s+|new\s+)?[A-Za-z_$][\w$.]*\s*\(.*\)(?:[.\[].*)?$", re.S)
_LOG = re.compile(r"^console\.(?:log|info|debug|error|warn)\s*\((?P<arguments>.*)\)$", re.S)
_NO_VALUE = re.compile(
    r"^(?:const|let|var|import|export|function|async\s+function|class|if|for|while|switch|try|throw"
    r"|return|do)\b|^[\w$.\[\]]+\s*(?:[-+*/%]|\*\*|\?\?|\|\||&&)?=(?!=|>)"
)
_ASSERTS = re.compile(r"\b(?:assert(?:\.\w+)*|expect|equal|deepEqual|strictEqual)\s*\(")
_MARK = re.compile(r"^(?:=+>|-+>|→|➜|>+|returns?:?|prints?:?|logs?:?|outputs?:?|result:)\s*", re.I)
_PROMPT = re.compile(r"^> (?P<code>.*)$", re.M)
_ERROR = re.compile(r"^(?:Uncaught )?([A-Z]\w*Error)\b", re.M)


def examples(statement: str) -> list[Example]:
    """Every example that could be made into a test, most telling first, without duplicates."""
    text = statement.replace("\r\n", "\n")
    found: dict[Example, None] = {}
    fences = list(_FENCE.finditer(text))
    for number, fence in enumerate(fences):
        if fence[2].lower() in _CODE:
            end = fences[number + 1].start() if number + 1 < len(fences) else len(text)
            behind = text[fence.end() : min(end, fence.end() + NEARBY_CHARACTERS)]
            shown = [
                (_last_line(text[fences[n - 1].end() : one.start()]), one[3])
                for n, one in enumerate(fences)
                if n > number
            ]
            before = _last_line(text[: fence.start()])
            found.update(dict.fromkeys(_of_block(fence[3], before, behind, shown)))
    found.update(dict.fromkeys(_of_prose(_FENCE.sub("\n", text))))
    return list(found)[:MAX_EXAMPLES]


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _of_block(
    text: str, before: str, behind: str, shown: Sequence[tuple[str, str]]
) -> Iterator[Example]:
    """From a block of code. `shown` are the blocks behind it, each with the words before it."""
    if _PROMPT.search(text):
        yield from _of_prompt(text, is_wanted=labelled_expected(before) is True)
        return
    lines = statements(text)
    if not any("(" in one.masked for one in lines):
        return
    if any(_ASSERTS.search(one.masked) for one in lines):
        yield Example(setup="", code=text.strip(), claim=Claim.HOLDS)
        return
    for number, one in enumerate(lines):
        if one.comment:
            yield from _claims(_setup(lines[:number]), one, _said(one.comment))
    setup, last = _setup(lines[:-1]), lines[-1]
    value = None if last.comment else stated_value(behind, is_literal)
    if value is not None:
        yield from _claims(setup, last, value)
    for words, block in shown:
        if labelled_expected(words):
            yield from _claims(setup, last, block.strip())
        for name in dict.fromkeys(_ERROR.findall(block)) if value is None else ():
            yield Example(setup=setup, code=last.text, claim=Claim.NO_ERROR, stated=name)


def _setup(lines: Sequence[Statement]) -> str:
    """What comes before: all but what only prints."""
    return "".join(f"{one.text};\n" for one in lines if not _LOG.match(one.text))


def _said(comment: str) -> str:
    """What a comment says should come out."""
    first = comment.split("\n")[0]
    return stated_value(comment, is_literal) or _MARK.sub(
        "", first if _is_one(comment) else comment
    )


def _is_one(comment: str) -> bool:
    return is_literal(_MARK.sub("", comment.split("\n")[0]))


def _of_prompt(text: str, *, is_wanted: bool) -> Iterator[Example]:
    """From lines that begin with `> `, as Node's prompt has them, and what stands below each. An
    error shown is what goes wrong, unless the words before say that all of it `is_wanted`."""
    setup: list[Statement] = []
    matches = list(_PROMPT.finditer(text))
    for number, match in enumerate(matches):
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        output = text[match.end() : end].strip()
        lines = statements(match["code"])
        error = None if is_wanted else _ERROR.match(output)
        if lines and error is not None:
            setup_text = _setup([*setup, *lines[:-1]])
            code = lines[-1].text
            yield Example(setup=setup_text, code=code, claim=Claim.NO_ERROR, stated=error[1])
        elif lines and output:
            yield from _claims(_setup([*setup, *lines[:-1]]), lines[-1], output)
        setup += lines


def _of_prose(text: str) -> Iterator[Example]:
    """From a call in backticks: `f(1)` should return `2`."""
    for match in _INLINE.finditer(text):
        lines = statements(match[1].strip())
        if len(lines) != 1 or not _CALL.match(lines[0].text):
            continue
        paragraph = re.split(r"\n[ \t]*\n", text[match.end() :][:NEARBY_CHARACTERS])[0]
        value = stated_value(paragraph, is_literal)
        if value is not None:
            yield from _claims("", lines[0], value)


def _claims(setup: str, one: Statement, stated: str) -> Iterator[Example]:
    """The example whose outcome the text states."""
    name = exception_name(stated.removeprefix("Uncaught "))
    log = _LOG.match(one.text)
    if name is not None:
        code = log["arguments"] if log else one.text
        yield Example(setup=setup, code=code, claim=Claim.RAISES, stated=name)
    elif log is not None:
        if is_literal(stated) and _is_single(log["arguments"]):
            yield Example(setup=setup, code=log["arguments"], claim=Claim.VALUE, stated=stated)
        elif stated:
            yield Example(setup=setup, code=log["arguments"], claim=Claim.OUTPUT, stated=stated)
    elif not _NO_VALUE.match(one.text) and is_literal(stated):
        yield Example(setup=setup, code=one.text, claim=Claim.VALUE, stated=stated)


def _is_single(arguments: str) -> bool:
    """Whether these are no more than one argument."""
    depth = 0
    for letter in statements(arguments)[0].masked if statements(arguments) else ",":
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            return False
    return True
