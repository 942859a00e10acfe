"""An environment that was sealed before."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.base import Environment, Sandbox
from sandbox.errors import EnvironmentDamaged


def kept_environment(sandbox: Sandbox, key: str, say: Callable[[str], None]) -> Environment | None:
    """The environment of a key; None where there is none, or it is not what was sealed, which is
    said."""
    try:
        return sandbox.environment(key)
    except EnvironmentDamaged as error:
        say(f"{error}: it is built anew")
        return None
