"""What a scripted model answers: made at run time from the developers' fix, kept nowhere."""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.mutants import damaged
from sandbox.source import decode_source

Turn = dict[str, Any]
MAX_CONTEXT = 40


@dataclass(frozen=True, kw_only=True)
class Material:
    """A bug as a scripted model needs it."""

    src: str
    """The file of the fix."""
    old: str
    new: str
    """Its text before and after."""
    test_file: str
    issue_test: str
    """Path of the test that `reproduce` asks for; empty where none is asked for."""
    issue_text: str
    """A test file that shows the bug."""
    seed: str
    """Of what is drawn for this bug."""

    @property
    def fix(self) -> list[Turn]:
        """The developers' fix as calls of the editor, one a hunk."""
        return [edit(self.src, old, new) for old, new in replacements(self.old, self.new)]

    @property
    def near_miss(self) -> list[Turn]:
        """The fix with one token of it swapped."""
        text = damaged(self.old, self.new, self.src, self.seed)
        if text is None:
            raise ValueError("no token of the fix can be swapped")
        return [edit(self.src, old, new) for old, new in replacements(self.old, text)]

    @property
    def fix_by_bash(self) -> Turn:
        packed = base64.b64encode(self.new.encode()).decode()
        return bash(f"echo {packed} | base64 -d > {self.src}")

    @property
    def wrong(self) -> Turn:
        """A harmless edit that repairs nothing."""
        return call(
            "str_replace_editor",
            command="insert",
            path=self.src,
            insert_line=0,
            new_str="# tried\n",
        )


def call(name: str, **arguments: object) -> Turn:
    return {"name": name, "arguments": arguments}


def edit(path: str, old: str, new: str) -> Turn:
    return call("str_replace_editor", command="str_replace", path=path, old_str=old, new_str=new)


def create(path: str, text: str) -> Turn:
    return call("str_replace_editor", command="create", path=path, file_text=text)


def bash(command: str) -> Turn:
    return call("bash", command=command)


def turn(*calls: Turn, content: str = "", **more: object) -> Turn:
    return {"content": content, "tool_calls": list(calls), **more}


def raw(text: str) -> Turn:
    """An answer as a model writes it."""
    return {"raw": text}


def written(one: Turn, *, closed: bool = True) -> str:
    """A call in the model's own format; not `closed`: one closing tag is missing."""
    values = ""
    for key, value in one["arguments"].items():
        shown = value if isinstance(value, str) else json.dumps(value)
        values += f"<parameter={key}>\n{shown}\n</parameter>\n"
    text = f"<tool_call>\n<function={one['name']}>\n{values}</function>\n</tool_call>"
    return text if closed else text.replace("</parameter>\n</function>", "</function>")


def replacements(old: str, new: str) -> Iterator[tuple[str, str]]:
    """`old_str` and `new_str` of each hunk, with as much context as makes it unique."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    current = old
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, low, high, first, last in matcher.get_opcodes():
        if tag == "equal":
            continue
        for context in range(1, MAX_CONTEXT):
            above = before[max(0, low - context) : low]
            below = before[high : high + context]
            # What is above may have been edited by an earlier hunk: below is enough then.
            for head in (above, []):
                wanted = "".join((*head, *before[low:high], *below))
                if wanted and current.count(wanted) == 1:
                    made = "".join((*head, *after[first:last], *below))
                    break
            else:
                continue
            break
        else:
            raise ValueError("no unique context for a hunk")
        current = current.replace(wanted, made)
        yield wanted, made
    if current != new:
        raise ValueError("the hunks do not add up to the fix")


def text_of(content: bytes | None) -> str:
    return decode_source(content or b"").text


TESTS = call("run_tests")
SUBMIT = call("submit")
