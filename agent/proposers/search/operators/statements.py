"""Whole statements: removed, moved, swapped, copied, jumps added."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proposers.search.ingredients.site import DraftEdit, Site, brief
from agent.source.module import StatementPosition

_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def propose(site: Site) -> Iterator[DraftEdit]:
    node = site.node
    if not isinstance(node, ast.stmt):
        return
    position = site.module.place(node)
    if position is None:
        return
    yield from _removed(site, node, position)
    yield from _moved(site, node, position)
    yield from _jumps(site, node, position)


def _removed(site: Site, node: ast.stmt, position: StatementPosition) -> Iterator[DraftEdit]:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Global, ast.Nonlocal)):
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _is_docstring(node):
        return
    rows = site.module.rows(node)
    if rows is None or isinstance(node, ast.Pass):
        return
    operator = "statement.remove_exit" if isinstance(node, _JUMPS) else "statement.remove"
    note = f"remove `{brief(site.source(node))}`"
    if len(position.block) == 1:
        yield site.rewrite([(*site.module.span(node), "pass")], operator, note)
        return
    elif_text = site.module.text[site.module.span(node)[0] :][:4]
    if elif_text == "elif":
        return
    size = (node.end_lineno or node.lineno) - node.lineno + 1
    yield site.rewrite([(*rows, "")], operator, note, weight=1.0 / size)
    body = getattr(node, "body", None)
    if isinstance(node, (ast.If, ast.With, ast.Try, ast.While, ast.For)) and body:
        yield from _unwrapped(site, node, body)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def dedented(site: Site, block: list[ast.stmt], indent: str) -> str | None:
    """The rows of a block moved to another indentation; None if they cannot be moved."""
    first, last = site.module.rows(block[0]), site.module.rows(block[-1])
    if first is None or last is None:
        return None
    old = site.module.indentation(block[0])
    rows = site.module.text[first[0] : last[1]].splitlines(keepends=True)
    lines_moved = []
    for row in rows:
        if row.strip() and not row.startswith(old):
            return None
        lines_moved.append(indent + row[len(old) :] if row.strip() else row)
    return "".join(lines_moved)


def _unwrapped(site: Site, node: ast.stmt, body: list[ast.stmt]) -> Iterator[DraftEdit]:
    """`if x: body` → `body`."""
    rows = site.module.rows(node)
    text = dedented(site, body, site.module.indentation(node))
    if rows and text is not None:
        yield site.rewrite([(*rows, text)], "statement.unwrap", "keep the body without its header")


def _moved(site: Site, node: ast.stmt, position: StatementPosition) -> Iterator[DraftEdit]:
    module = site.module
    rows = module.rows(node)
    if rows is None or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    text = module.text[slice(*rows)]
    for step in (1, -1):
        index = position.index + step
        if not 0 <= index < len(position.block):
            continue
        neighbour = position.block[index]
        beyond = module.rows(neighbour)
        if beyond is None or _is_docstring(neighbour):
            continue
        at = beyond[1] if step == 1 else beyond[0]
        text_ended = text if text.endswith(("\n", "\r")) else text + module.newline
        yield site.rewrite(
            [(*rows, ""), (at, at, text_ended)],
            "statement.swap",
            f"move `{brief(site.source(node))}` {'down' if step == 1 else 'up'}",
        )
    yield from _out_of_block(site, node, position)
    yield from _into_block(site, node, position)


def _out_of_block(site: Site, node: ast.stmt, position: StatementPosition) -> Iterator[DraftEdit]:
    """The last statement of a block moved behind it, or the first before it."""
    module = site.module
    parent = module.parent(node)
    if not isinstance(parent, (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.Try)):
        return
    rows, around = module.rows(node), module.rows(parent)
    if rows is None or around is None or len(position.block) == 1:
        return
    text = dedented(site, [node], module.indentation(parent))
    if text is None:
        return
    text = text if text.endswith(("\n", "\r")) else text + module.newline
    if position.index == len(position.block) - 1:
        note = f"move `{brief(site.source(node))}` behind the block"
        yield site.rewrite([(*rows, ""), (around[1], around[1], text)], "statement.out", note)
    if position.index == 0 and position.block is getattr(parent, "body", None):
        note = f"move `{brief(site.source(node))}` before the block"
        yield site.rewrite([(*rows, ""), (around[0], around[0], text)], "statement.out", note)


def _into_block(site: Site, node: ast.stmt, position: StatementPosition) -> Iterator[DraftEdit]:
    """A statement moved into the block above it, or into the one below."""
    module = site.module
    rows = module.rows(node)
    for step in (-1, 1):
        index = position.index + step
        if not 0 <= index < len(position.block):
            continue
        neighbour = position.block[index]
        if not isinstance(neighbour, (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With)):
            continue
        blocks = [neighbour.body, getattr(neighbour, "orelse", [])]
        block = next(b for b in reversed(blocks) if b) if step == -1 else neighbour.body
        edge = block[-1] if step == -1 else block[0]
        beyond = module.rows(edge)
        text = dedented(site, [node], module.indentation(edge))
        if beyond is None or text is None or rows is None:
            continue
        text = text if text.endswith(("\n", "\r")) else text + module.newline
        at = beyond[1] if step == -1 else beyond[0]
        note = (
            f"move `{brief(site.source(node))}` into the block {'above' if step < 0 else 'below'}"
        )
        yield site.rewrite([(*rows, ""), (at, at, text)], "statement.into", note)


def insertion(
    site: Site, node: ast.stmt, lines: list[str], *, after: bool
) -> tuple[int, int, str] | None:
    """A change that puts lines (given without indentation) before or behind a statement."""
    module = site.module
    rows = module.rows(node)
    if rows is None:
        return None
    indent = module.indentation(node)
    text = "".join(f"{indent}{line}{module.newline}" for line in lines)
    at = rows[1] if after else rows[0]
    if after and not module.text[:at].endswith(("\n", "\r")):
        text = module.newline + text
    return at, at, text


def _jumps(site: Site, node: ast.stmt, position: StatementPosition) -> Iterator[DraftEdit]:
    """A break, continue or return at the end of a block, and behind the blocks that end there."""
    module = site.module
    last = position.index == len(position.block) - 1
    if not last or (site.function is None and module.loop_of(node) is None):
        return
    texts = ["break", "continue"] if module.loop_of(node) is not None else []
    if site.function is not None:
        texts += ["return", *_return_texts(site)]
    for text in texts:
        for rank, behind in enumerate(_closed_by(site, node)):
            if isinstance(behind, _JUMPS):
                continue
            change = insertion(site, behind, [text], after=True)
            if change and not (
                rank and text in ("break", "continue") and module.loop_of(behind) is None
            ):
                weight = 1.0 / (1 + rank)
                yield site.rewrite([change], "statement.jump", f"add `{text}`", weight=weight)


def _closed_by(site: Site, node: ast.stmt) -> list[ast.stmt]:
    """The statement and the compound statements that end where it ends."""
    statements = [node]
    for ancestor in site.module.ancestors(node):
        position = site.module.place(statements[-1])
        if not isinstance(ancestor, (ast.For, ast.While, ast.If, ast.With)) or position is None:
            break
        final = getattr(ancestor, "orelse", None) or ancestor.body
        if position.block is not final or position.index != len(position.block) - 1:
            break
        statements.append(ancestor)
    return statements[:3]


def _return_texts(site: Site) -> list[str]:
    assert site.function is not None
    texts: dict[str, None] = {}
    for node in ast.walk(site.function):
        if isinstance(node, ast.Return) and node.value is not None:
            text = site.one_line(node)
            if len(text) < 60:
                texts[text] = None
    return list(texts)[:4]
