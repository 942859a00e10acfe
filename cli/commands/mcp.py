"""`repair mcp FOLDER...`: the tools for editors and agents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.extras import how_to_add
from cli.display.progress.watch import guarded
from cli.errors import ServiceDown
from cli.exit_codes import ExitCode
from cli.options import arguments
from cli.options.settings import read_settings


def run_mcp(folders: Sequence[Path], *, sandbox: str, max_seconds: float) -> int:
    def work(_log: object) -> int:
        from cli.mcp.allowed import AllowedFolders
        from cli.mcp.service import ToolService

        service = ToolService(
            folders=AllowedFolders(folders),
            settings=read_settings(),
            sandbox=arguments.check_sandbox(sandbox),
            max_seconds=arguments.check_seconds(max_seconds),
        )
        try:
            from cli.mcp.server import serve
        except ImportError as error:
            raise ServiceDown(f"`repair mcp` needs {error.name}: {how_to_add('mcp')}") from error
        serve(service)
        return ExitCode.OK

    return guarded(work)
