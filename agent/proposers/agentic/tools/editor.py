"""`str_replace_editor`: view, create, str_replace, insert, undo_edit, in SWE-agent's shape."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from agent.model.base import Tool
from agent.proposers.agentic.tools.file_text import FileText, numbered
from agent.proposers.agentic.tools.protection import Refusal, nothing_refused
from agent.proposers.agentic.tools.working_copy import WorkingTree, packed, unpacked

MAX_VIEW_LINES = 400
"""Shown of a file when no range is asked for."""
EDIT_MARGIN_LINES = 4
MAX_UNDO_STEPS = 20
MAX_LISTED_PATHS = 200
COMPILE_SECONDS = 20.0

_COMMANDS = ("view", "create", "str_replace", "insert", "undo_edit")
_COMPILE = (
    "import sys\n"
    "try: compile(sys.stdin.buffer.read(), sys.argv[1], 'exec', dont_inherit=True)\n"
    "except (SyntaxError, ValueError) as error: sys.exit(str(error))\n"
)

_NODE_CHECK = """
command -v node >/dev/null || exit 0
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
cat >"$folder/source"
for kind in "$@"; do
  cp "$folder/source" "$folder/source.$kind"
  node --check "$folder/source.$kind" 2>&1 && exit 0
done
exit 1
"""
_GOFMT = "command -v gofmt >/dev/null || exit 0; exec gofmt -e >/dev/null"
_RUSTFMT = "command -v rustfmt >/dev/null || exit 0; exec rustfmt --edition 2021 >/dev/null"
_CHECKED = {
    (".py", ".pyi"): "Python",
    (".js", ".mjs", ".cjs"): "JavaScript",
    (".go",): "Go",
    (".rs",): "Rust",
}
"""Endings of files whose syntax is checked → the language."""

EDITOR = Tool(
    name="str_replace_editor",
    description=(
        "View, create and edit files. `view` shows a file with line numbers (or a folder's files). "
        "`str_replace` replaces `old_str`, which must stand in the file exactly once, white space "
        "included, by `new_str`. `insert` puts `new_str` after line `insert_line` (0: at the top). "
        "`undo_edit` takes the last edit of the file back. Edits that break Python's syntax are "
        "refused, and so are edits of tests and of their configuration."
    ),
    parameters={
        "type": "object",
        "properties": {
            "command": {"type": "string", "enum": list(_COMMANDS)},
            "path": {"type": "string", "description": "In the project, relative or absolute."},
            "view_range": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "First and last line to view; -1 as last means the end.",
            },
            "file_text": {"type": "string", "description": "Content for `create`."},
            "old_str": {"type": "string"},
            "new_str": {"type": "string"},
            "insert_line": {"type": "integer"},
        },
        "required": ["command", "path"],
    },
)


class Refused(Exception):
    """The command cannot be carried out; the sentence is for the model."""


class Editor:
    """Edits one working tree. `undo` is the state's record of earlier contents."""

    def __init__(
        self,
        tree: WorkingTree,
        undo: Mapping[str, list[str | None]],
        refusal: Refusal = nothing_refused,
    ) -> None:
        self._tree = tree
        self._refusal = refusal
        self.undo: dict[str, list[str | None]] = {path: list(old) for path, old in undo.items()}

    def __call__(self, arguments: Mapping[str, object]) -> str:
        """Carry a command out; a refusal is an answer, too."""
        commands = {
            "view": self._view,
            "create": self._create,
            "str_replace": self._replace,
            "insert": self._insert,
            "undo_edit": self._undo,
        }
        command = commands.get(str(arguments.get("command")))
        if command is None:
            return f"There is no such command; give one of {', '.join(_COMMANDS)}."
        path = str(arguments.get("path", ""))
        if not path or "\0" in path:
            return "Give the path of a file."
        try:
            return command(self._tree.place(path), arguments)
        except Refused as refusal:
            return str(refusal)
        except OSError as error:
            return f"{path}: the sandbox refused: {error.strerror or error}."

    # -- commands ------------------------------------------------------------------------

    def _view(self, path: str, arguments: Mapping[str, object]) -> str:
        listing = self._listing(path)
        if listing is not None:
            return listing
        lines = self._text(path).lines
        view_range = arguments.get("view_range")
        first, last = (
            _range(view_range, len(lines)) if view_range else (1, min(len(lines), MAX_VIEW_LINES))
        )
        excerpt = numbered(lines[first - 1 : last], first)
        note = ""
        if not view_range and len(lines) > MAX_VIEW_LINES:
            note = f"\n({len(lines)} lines; view_range shows the rest)"
        return (
            f"{path}, lines {first}-{last} of {len(lines)}:\n{excerpt}{note}"
            if lines
            else (f"{path} is empty.")
        )

    def _create(self, path: str, arguments: Mapping[str, object]) -> str:
        content = _string(arguments, "file_text")
        try:
            self._tree.read(path)
        except FileNotFoundError:
            pass
        except ValueError as error:
            raise Refused(f"{path}: {error}.") from error
        else:
            raise Refused(f"{path} exists already; change it with str_replace or insert.")
        self._change(path, None, content.encode("utf-8", "replace"))
        return f"{path} is created."

    def _replace(self, path: str, arguments: Mapping[str, object]) -> str:
        file = self._text(path)
        old, new = _string(arguments, "old_str"), str(arguments.get("new_str", ""))
        if not old:
            raise Refused("old_str is empty; use insert to add lines, create for a new file.")
        old_text, replacement = file.own(old), file.own(new)
        if old_text not in file.text and old in file.text:
            old_text, replacement = old, new
        count = file.text.count(old_text)
        if count != 1:
            raise Refused(_not_once(path, file, old_text, count))
        if old_text == replacement:
            raise Refused("new_str is the same as old_str: nothing would change.")
        position = file.text.index(old_text)
        text = file.text[:position] + replacement + file.text[position + len(old_text) :]
        return self._edited(path, file, text, position, len(replacement))

    def _insert(self, path: str, arguments: Mapping[str, object]) -> str:
        file = self._text(path)
        number, new = arguments.get("insert_line"), file.own(_string(arguments, "new_str"))
        lines = file.text.split("\n")
        ends = len(lines) - (lines[-1] == "")
        if not isinstance(number, int) or not 0 <= number <= ends:
            raise Refused(f"insert_line must be from 0 to {ends}, the line to insert after.")
        head = "".join(line + "\n" for line in lines[:number])
        if number == ends and not file.text.endswith("\n") and file.text:
            # Inserted after a last line without an end: the file keeps having none.
            new = new.removesuffix(file.newline)
            text = file.text + file.newline + new
            return self._edited(path, file, text, len(file.text) + 1, len(new))
        new = new if new.endswith("\n") else new + file.newline
        return self._edited(path, file, head + new + file.text[len(head) :], len(head), len(new))

    def _undo(self, path: str, arguments: Mapping[str, object]) -> str:
        del arguments
        if not self.undo.get(path):
            raise Refused(f"There is no edit of {path} to undo.")
        content = unpacked(self.undo[path].pop())
        if content is None:
            self._tree.remove(path)
            return f"{path} is removed again."
        self._tree.write(path, content)
        return f"The last edit of {path} is undone."

    # -- how -----------------------------------------------------------------------------

    def _listing(self, path: str) -> str | None:
        """Files of a folder, two levels deep; None when it is no folder."""
        script = (
            'test -d "$1" || exit 7; cd "$1" && find . -maxdepth 2 -not -path "*/.*" '
            '-not -name "*.pyc" -not -name __pycache__ | sort'
        )
        argv = ["sh", "-c", script, "sh", path]
        result = self._tree.session.run(argv, timeout_seconds=COMPILE_SECONDS)
        if not result.ok:
            return None
        paths = [line.removeprefix("./") for line in result.stdout.splitlines() if line != "."]
        suffix = (
            f"\n… and {len(paths) - MAX_LISTED_PATHS} more" if len(paths) > MAX_LISTED_PATHS else ""
        )
        return f"Files in {path}:\n" + "\n".join(paths[:MAX_LISTED_PATHS]) + suffix

    def _text(self, path: str) -> FileText:
        try:
            return FileText.of(self._tree.read(path))
        except FileNotFoundError as error:
            raise Refused(f"There is no file {path}.") from error
        except ValueError as error:
            raise Refused(f"{path} cannot be shown or edited: {error}.") from error

    def _edited(self, path: str, file: FileText, text: str, start: int, length: int) -> str:
        try:
            content = file.encode(text)
        except ValueError as error:
            raise Refused(f"{path} cannot hold that text in its encoding: {error}.") from error
        self._change(path, file.content, content)
        first = max(1, text.count("\n", 0, start) + 1 - EDIT_MARGIN_LINES)
        last = text.count("\n", 0, start + length) + 1 + EDIT_MARGIN_LINES
        excerpt = numbered(FileText.of(content).lines[first - 1 : last], first)
        return f"{path} is edited. It now reads:\n{excerpt}"

    def _change(self, path: str, old: bytes | None, new: bytes) -> None:
        if path.startswith("/") and not path.startswith(
            f"{self._tree.absolute(self._tree.scratch)}/"
        ):
            raise Refused(
                f"{path} is outside the project; edit files in it, or in {self._tree.scratch}."
            )
        refusal = self._refusal(path, new)
        if refusal:
            raise Refused(f"Not edited: {refusal}. Change the source instead.")
        language = next((name for ends, name in _CHECKED.items() if path.endswith(ends)), None)
        if language is not None:
            # A new `.js` may hold what a tool of the project compiles: JSX, types.
            is_free = old is None and language == "JavaScript"
            problem = "" if is_free else self._syntax(path, new)
            if problem and (old is None or not self._syntax(path, old)):
                raise Refused(
                    f"Not edited: the file would no longer be valid {language}: {problem}. Mind "
                    "the indentation and give whole statements."
                )
        self._tree.write(path, new)
        history = self.undo.setdefault(path, [])
        history.append(packed(old))
        del history[:-MAX_UNDO_STEPS]

    def _syntax(self, path: str, content: bytes) -> str:
        """Why the target's own Python does not compile it; empty when it does."""
        if path.endswith(".go"):
            return self._go_syntax(content)
        if path.endswith(".rs"):
            return self._rust_syntax(content)
        if not path.endswith((".py", ".pyi")):
            return self._javascript_syntax(path, content)
        argv = [self._tree.python, "-I", "-S", "-c", _COMPILE, path]
        result = self._tree.session.run(argv, timeout_seconds=COMPILE_SECONDS, stdin=content)
        return "" if result.ok else result.stderr.strip()[:300] or "it cannot be compiled"

    def _go_syntax(self, content: bytes) -> str:
        """The same of gofmt; empty without it."""
        argv = ["sh", "-c", _GOFMT]
        result = self._tree.session.run(argv, timeout_seconds=COMPILE_SECONDS, stdin=content)
        text = result.stderr.strip().replace("<standard input>:", "line ")
        return "" if result.ok else text.partition("\n")[0][:300]

    def _rust_syntax(self, content: bytes) -> str:
        """The same of rustfmt; empty without it."""
        argv = ["sh", "-c", _RUSTFMT]
        result = self._tree.session.run(argv, timeout_seconds=COMPILE_SECONDS, stdin=content)
        text = result.stderr.strip().partition("\n\n")[0]
        return "" if result.ok else " ".join(text.replace("<stdin>:", "line ").split())[:300]

    def _javascript_syntax(self, path: str, content: bytes) -> str:
        """The same of Node, as a module or as a script, whichever takes it; empty without Node."""
        kinds = {".mjs": ("mjs",), ".cjs": ("cjs",)}.get(path[-4:], ("cjs", "mjs"))
        argv = ["sh", "-c", _NODE_CHECK, "sh", *kinds]
        result = self._tree.session.run(argv, timeout_seconds=COMPILE_SECONDS, stdin=content)
        if result.ok:
            return ""
        lines = [line for line in result.stdout.splitlines() if "SyntaxError" in line]
        return lines[0][:300] if lines else ""


def _range(view_range: object, count: int) -> tuple[int, int]:
    if not isinstance(view_range, list) or len(view_range) != 2:
        raise Refused("view_range is two numbers: first and last line.")
    first, last = view_range
    if not isinstance(first, int) or not isinstance(last, int):
        raise Refused("view_range is two numbers: first and last line.")
    last = count if last == -1 else min(last, count)
    if not 1 <= first <= max(last, 1):
        raise Refused(f"view_range must lie within 1 and {count}, the first line first.")
    return first, last


def _string(arguments: Mapping[str, object], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise Refused(f"{arguments.get('command')} needs `{name}`.")
    return value


def _not_once(path: str, file: FileText, old_text: str, count: int) -> str:
    """Why old_str cannot be replaced, and what to do."""
    if count > 1:
        places, at = [], -1
        while (at := file.text.find(old_text, at + 1)) >= 0:
            places.append(str(file.text.count("\n", 0, at) + 1))
        line_numbers = ", ".join(places[:10])
        return (
            f"Not edited: old_str stands {count} times in {path} (lines {line_numbers}). "
            "Give more of "
            "the lines around the one you mean."
        )
    nearest = _nearest(file.lines, [line.removesuffix("\r") for line in old_text.split("\n")])
    if nearest is None:
        return f"Not edited: old_str does not stand in {path}. View the file and copy exactly."
    first, last, same_words = nearest
    explanation = "only its white space differs" if same_words else "this comes nearest"
    excerpt = numbered(file.lines[first - 1 : last], first)
    return f"Not edited: old_str does not stand in {path}; {explanation}:\n{excerpt}"


def _nearest(lines: list[str], old_lines: list[str]) -> tuple[int, int, bool] | None:
    """First and last line of what looks most like `old_lines`, and whether only space differs."""
    bare = [line.split() for line in old_lines if line.strip()]
    if not bare:
        return None
    size = len(old_lines)
    for start in range(len(lines) - len(bare) + 1):
        window = [line.split() for line in lines[start : start + size] if line.strip()]
        if window == bare:
            return start + 1, start + size, True
    old_text = "\n".join(old_lines)
    first_line = max(old_lines, key=lambda line: len(line.strip()))
    matches = difflib.get_close_matches(first_line, lines, n=1, cutoff=0.6)
    if not matches or len(old_text) > 20_000:
        return None
    at = lines.index(matches[0]) - old_lines.index(first_line)
    start = max(at, 0)
    return start + 1, min(start + size, len(lines)), False
