"""Runnable examples out of the text of an issue: doctest sessions, code blocks, calls in prose.

Nothing is run here. An issue shows what goes wrong as often as what should come out, so most of
these examples are guesses; `checking` keeps those that fail on the base in the way stated.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.reproduction.examples import Claim, Example
from agent.reproduction.expected_values import (
    commented_value,
    exception_name,
    is_literal,
    labelled_expected,
    stated_value,
)
from sandbox.syntax import literal, parse_module

MAX_EXAMPLES = 40
NEARBY_CHARACTERS = 400
"""How far after a block its expected value may be told."""
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.M | re.S)
_PYTHON = frozenset(("", "python", "py", "python3", "pycon", "pytb", "ipython"))
_SESSION = re.compile(r"^[ \t]*(?:>>>|In \[\d*\]:)[^\n]*(?:\n[ \t]*[^\s][^\n]*)*", re.M)
_INLINE = re.compile(r"`([^`\n]+)`")
_TRACEBACK_END = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)")
_IPYTHON = ((re.compile(r"^\s*In \[\d*\]: ?"), ">>> "), (re.compile(r"^\s*\.{3,}: ?"), "... "))
_IPYTHON_OUT = re.compile(r"^\s*Out\[\d*\]: ?")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A stretch of code or output, with the words around it."""

    text: str
    before: str
    """The line of prose before it."""
    after: str
    """Prose after it, up to the next block."""
    python: bool
    """It may be Python by its fence."""


def examples(statement: str) -> list[Example]:
    """Every example that could be made into a test, most telling first, without duplicates."""
    blocks = list(_blocks(statement.replace("\r\n", "\n")))
    examples_found: dict[Example, None] = {}
    setup = ""
    for index, block in enumerate(blocks):
        later_blocks = blocks[index + 1 :]
        session = _session(block.text)
        if session:
            examples_found.update(dict.fromkeys(_of_session(session, block, setup)))
            setup += "".join(step.source for step in session if not step.exc_msg)
        elif block.python and (tree := _parsed(block.text)) is not None and _does(tree):
            examples_found.update(dict.fromkeys(_of_code(block, tree, later_blocks)))
    examples_found.update(dict.fromkeys(_of_prose(statement)))
    return list(examples_found)[:MAX_EXAMPLES]


def shown_exceptions(statement: str) -> frozenset[str]:
    """Names of the exceptions that the tracebacks in the text end with."""
    names = set()
    for part in statement.split("Traceback (most recent call last)")[1:]:
        for line in part.splitlines()[1:]:
            match = _TRACEBACK_END.match(line.strip().lstrip("E").strip())
            if match and not line.startswith((" ", "\t")):
                names.add(match.group(1).rpartition(".")[2])
                break
    return frozenset(names)


def _blocks(text: str) -> Iterator[Block]:
    """Fenced blocks, and sessions that stand in the prose without a fence."""
    position = 0
    for match in _FENCE.finditer(text):
        yield from _in_prose(text[position : match.start()])
        next_fence = _FENCE.search(text, match.end())
        until = next_fence.start() if next_fence else len(text)
        yield Block(
            text=match.group(3),
            before=_last_line(text[position : match.start()]),
            after=text[match.end() : min(until, match.end() + NEARBY_CHARACTERS)],
            python=match.group(2).lower() in _PYTHON,
        )
        position = match.end()
    yield from _in_prose(text[position:])


def _in_prose(prose: str) -> Iterator[Block]:
    for match in _SESSION.finditer(prose):
        following_text = prose[match.end() : match.end() + NEARBY_CHARACTERS]
        preceding_line = _last_line(prose[: match.start()])
        yield Block(text=match.group(0), before=preceding_line, after=following_text, python=True)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _session(text: str) -> list[doctest.Example]:
    lines = []
    for line in text.split("\n"):
        for pattern, mark in _IPYTHON:
            line = pattern.sub(mark, line)
        lines.append(_IPYTHON_OUT.sub("", line))
    try:
        return doctest.DocTestParser().get_examples("\n".join(lines))
    except ValueError:
        return []


def _of_session(
    session: list[doctest.Example], block: Block, preceding_code: str
) -> Iterator[Example]:
    """From `>>>` lines: what is shown may be what comes out or what should; execution tells."""
    setup = preceding_code
    for step in session:
        code = step.source.strip()
        want, words = _want_and_words(step.want)
        value = commented_value(step.source) or stated_value(words)
        if value is None and step is session[-1]:
            value = stated_value(block.after)
        if value is not None and value != want:
            yield from _claims(setup, code, value)
        elif step.exc_msg is not None:
            name = exception_name(step.exc_msg.strip())
            if name is not None and labelled_expected(block.before):
                yield Example(setup=setup, code=code, claim=Claim.RAISES, stated=name)
            elif name is not None:
                yield Example(setup=setup, code=code, claim=Claim.NO_ERROR, stated=name)
        elif want and "..." not in want and labelled_expected(block.before) is not False:
            yield from _claims(setup, code, want, printed=True)
        if step.exc_msg is None:
            setup += step.source


def _want_and_words(want: str) -> tuple[str, str]:
    """The output shown, and the prose that follows it without a blank line between."""
    lines = want.rstrip().split("\n")
    cut = next((n for n, line in enumerate(lines[1:], 1) if stated_value(line)), len(lines))
    return "\n".join(lines[:cut]).strip(), "\n".join(lines[cut:])


def _of_code(block: Block, tree: ast.Module, following: list[Block]) -> Iterator[Example]:
    """From a block of statements: its assertions, a stated value, or a traceback shown."""
    if any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        yield Example(setup="", code=block.text, claim=Claim.HOLDS)
        return
    lines = block.text.split("\n")
    for statement in tree.body:
        comment = commented_value(lines[(statement.end_lineno or 1) - 1])
        if comment is not None:
            yield from _claims(*_split(block.text, statement), comment)
    setup, code = _split(block.text, tree.body[-1])
    value = stated_value(block.after)
    if value is not None:
        yield from _claims(setup, code, value)
    for later_block in following:
        if labelled_expected(later_block.before):
            yield from _claims(setup, code, later_block.text.strip(), printed=True)
        for name in sorted(shown_exceptions(later_block.text)) if value is None else ():
            yield Example(setup=setup, code=code, claim=Claim.NO_ERROR, stated=name)


def _split(text: str, statement: ast.stmt) -> tuple[str, str]:
    """What comes before the statement, and the statement."""
    preceding_code = "".join(f"{line}\n" for line in text.split("\n")[: statement.lineno - 1])
    return preceding_code, ast.get_source_segment(text, statement) or ""


def _of_prose(statement: str) -> Iterator[Example]:
    """From a call in backticks: `f(1)` should return `2`."""
    text = _FENCE.sub("\n", statement)
    for match in _INLINE.finditer(text):
        code = match.group(1).strip()
        if not isinstance(_expression(code), ast.Call | ast.Compare | ast.BinOp | ast.Subscript):
            continue
        paragraph = re.split(r"\n[ \t]*\n", text[match.end() :][:NEARBY_CHARACTERS])[0]
        value = stated_value(paragraph)
        if value is not None:
            yield from _claims("", code, value)


def _claims(setup: str, code: str, stated: str, *, printed: bool = False) -> Iterator[Example]:
    """The example whose outcome the text states; `printed` when any text may be meant."""
    name = exception_name(stated)
    expression = _expression(code)
    if name is not None:
        yield Example(setup=setup, code=code, claim=Claim.RAISES, stated=name)
    elif expression is None:
        return
    elif _prints(expression):
        text = literal(stated) if is_literal(stated) else stated
        printed_text = text if isinstance(text, str) else stated
        yield Example(setup=setup, code=code, claim=Claim.OUTPUT, stated=printed_text)
    elif printed or is_literal(stated):
        yield Example(setup=setup, code=code, claim=Claim.VALUE, stated=stated)


def _does(tree: ast.Module) -> bool:
    """It calls something: a block of output may parse, too."""
    return any(isinstance(node, ast.Call | ast.Assert) for node in ast.walk(tree))


def _expression(code: str) -> ast.expr | None:
    tree = _parsed(code)
    statement = tree.body[0] if tree is not None and len(tree.body) == 1 else None
    return statement.value if isinstance(statement, ast.Expr) else None


def _prints(expression: ast.expr) -> bool:
    callee = expression.func if isinstance(expression, ast.Call) else None
    return isinstance(callee, ast.Name) and callee.id == "print"


def _parsed(text: str) -> ast.Module | None:
    """The statements of a text; None when it is no Python or holds none."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if tree.body else None
