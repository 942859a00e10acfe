"""Conditions strengthened, weakened, introduced; guards put before a statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.atoms import atoms, names_read
from agent.proposers.search.ingredients.expected_errors import raises
from agent.proposers.search.ingredients.scope import unread_parameters
from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.proposers.search.operators.statements import dedented, insertion
from agent.source.precedence import AND, OR, level, text_level
from sandbox.syntax import AnyFunction, parse_expression

_EXITS = ("return", "return None", "return []", "return False", "return True", "return 0",
          "return ''", "return {}")  # fmt: skip
_OPPOSITE = {"return True": "return False", "return False": "return True"}
_WRAPPERS = ("enumerate", "list", "reversed", "sorted", "tuple")
_VIEWS = ("items", "keys", "values")
_BLOCKED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if isinstance(node, (ast.If, ast.While)):
        yield from _refined(site, node)
        yield from _looped(site, node)
    if isinstance(node, ast.stmt) and not isinstance(node, _BLOCKED):
        yield from _introduced(site, node)
        yield from _guards(site, node)


def _refined(site: Site, node: ast.If | ast.While) -> Iterator[DraftEdit]:
    """A conjunct or disjunct added to the condition."""
    test = node.test
    if isinstance(test, ast.Constant):
        return
    about = dict.fromkeys(unread_parameters(site.function))
    for reader in (test, *node.body[:2]):
        about |= dict.fromkeys(names_read(reader))
    text = site.source(test)
    operands = [site.source(operand) for operand in getattr(test, "values", [test])]
    for atom, weight in atoms(site, list(about))[:14]:
        if atom in (operands if "." in atom else text):
            continue
        for word in ("and", "or"):
            least = AND if word == "and" else OR
            old = f"({text})" if level(test) < least else text
            new = f"({atom})" if text_level(atom) < least else atom
            condition = f"{new} {word} {old}" if _guards_use(atom, test) else f"{old} {word} {new}"
            yield site.replace(test, condition, f"condition.{word}", weight=weight)


def _guards_use(atom: str, test: ast.expr) -> bool:
    """Whether the condition uses what the atom asks about, so that the atom must come first."""
    about = {n.id for n in ast.walk(parse_expression(atom)) if isinstance(n, ast.Name)}
    return len(about) == 1 and any(
        isinstance(node, (ast.Attribute, ast.Subscript))
        and isinstance(node.value, ast.Name)
        and node.value.id in about
        for node in ast.walk(test)
    )


def _looped(site: Site, node: ast.If | ast.While) -> Iterator[DraftEdit]:
    start = site.module.span(node)[0]
    word = "if" if isinstance(node, ast.If) else "while"
    other_word = "while" if word == "if" else "if"
    # A body that always leaves the function runs once at most under either word.
    leaves = isinstance(node.body[-1], (ast.Return, ast.Raise))
    if site.module.text.startswith(f"{word} ", start) and not node.orelse and not leaves:
        yield site.swap((start, start + len(word)), other_word, "condition.loop")
    if word == "if" and site.module.text.startswith("elif", start):
        yield site.swap((start, start + 4), "if", "condition.elif")
    if word == "if" and site.module.text.startswith("if", start):
        position = site.module.place(node)
        if position and position.index and isinstance(position.block[position.index - 1], ast.If):
            yield site.swap((start, start + 2), "elif", "condition.elif")


def _introduced(site: Site, node: ast.stmt) -> Iterator[DraftEdit]:
    """`statement` → `if condition: statement`."""
    module = site.module
    rows = module.rows(node)
    position = module.place(node)
    if rows is None or position is None or isinstance(node, (ast.If, ast.Pass, ast.Try, ast.With)):
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    indent = module.indentation(node)
    text = dedented(site, [node], indent + module.indent_unit)
    if text is None:
        return
    for atom, weight in atoms(site, names_read(node))[:10]:
        header = f"{indent}if {atom}:{module.newline}"
        note = f"only `if {atom}`: `{brief(site.source(node), 40)}`"
        yield site.rewrite([(*rows, header + text)], "condition.introduce", note, weight=weight)


def _guards(site: Site, node: ast.stmt) -> Iterator[DraftEdit]:
    """`if condition: return …` (continue, break, raise) before a statement."""
    module = site.module
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    exits: list[tuple[str, float]] = []
    if module.loop_of(node) is not None:
        exits += [("continue", 1.0), ("break", 0.8)]
    if site.function is not None:
        function_exits = _exits_of(site, site.function)
        exits += [(text, 1.0) for text in function_exits[:4]]
        exits += [
            (_OPPOSITE[text], 0.9)
            for text in function_exits
            if _OPPOSITE.get(text, text) not in function_exits
        ]
        exits += [(text, 0.5) for text in _EXITS if text not in dict(exits)][
            : 2 if function_exits else 6
        ]
        exits = [(text, 2.0) for text in raises(site)] + [
            (text, weight * (2.0 if text[7:] in _told(site) else 1.0)) for text, weight in exits
        ]
    about = names_read(node)
    tests = [pair for pair in atoms(site, about) if pair[0].startswith("not ") or " " in pair[0]]
    for atom, weight in [*_nothing_to_do(site, node), *tests[:8]]:
        for leave, usual in exits[:6]:
            lines = [f"if {atom}:", f"{module.indent_unit}{leave}"]
            change = insertion(site, node, lines, after=False)
            if change and not module.text[module.span(node)[0] :].startswith("elif"):
                note = f"guard: `if {atom}: {leave}`"
                yield site.rewrite([change], "guard.exit", note, weight=weight * usual)


def _told(site: Site) -> frozenset[str]:
    """Answers that the failure speaks of: what the test got, or what it wanted."""
    return site.context.message.names & {"True", "False", "None"}


def _nothing_to_do(site: Site, node: ast.stmt) -> list[tuple[str, float]]:
    """That what a loop goes through is empty, where it is more than a name."""
    if not isinstance(node, (ast.For, ast.AsyncFor)):
        return []
    through = node.iter
    while isinstance(through, ast.Call):
        if isinstance(through.func, ast.Name) and through.func.id in _WRAPPERS and through.args:
            through = through.args[0]
        elif isinstance(through.func, ast.Attribute) and through.func.attr in _VIEWS:
            through = through.func.value
        else:
            break
    text = site.one_line(through)
    is_unsuitable = not isinstance(through, (ast.Call, ast.Attribute)) or len(text) > 60
    return [] if is_unsuitable else [(f"not {text}", 0.8)]


def _exits_of(site: Site, function: AnyFunction) -> list[str]:
    """Returns and raises of the function as text."""
    exits: dict[str, None] = {}
    for node in ast.walk(function):
        if isinstance(node, (ast.Return, ast.Raise)):
            text = site.one_line(node)
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if len(text) < 70 and not names - set(site.scope.parameters) - set(site.scope.globals):
                exits[text] = None
    return list(exits)
