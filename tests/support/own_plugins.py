"""The pytest plugins of the environment in which these tests run, and in which small projects run
theirs: those never ask for them."""

from __future__ import annotations

from importlib.metadata import entry_points

_NAMES = sorted({entry.name for entry in entry_points(group="pytest11")})

OWN_PLUGINS_OFF = tuple(option for name in _NAMES for option in ("-p", f"no:{name}"))
"""As options of pytest. To import schemathesis alone takes four seconds, in each run of a test."""

NO_PLUGINS = (("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),)
"""As variables of a runner that has no options of pytest."""
