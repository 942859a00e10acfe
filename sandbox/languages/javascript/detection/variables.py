"""Environment variables that the tests' own command sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sandbox.languages.python.detection.variables.allowed import name_objection, value_objection


def allowed_variables(variables: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Those that steer the tests, without those that would steer this program."""
    for name, value in variables:
        if not (name_objection(name) or value_objection(value)):
            yield name, value
