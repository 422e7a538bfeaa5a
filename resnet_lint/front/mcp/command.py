"""The command `mcp`. The optional package of this name is imported inside the function."""

from __future__ import annotations

import click

from ..extras import require
from ..options.command_options import takes_interpreter
from ..options.configuration import Given
from ..workers.interpreter import require_forks


@click.command(short_help="Run the MCP server, for coding agents.")
@takes_interpreter
def mcp(given: Given) -> int:
    """Run the server of the model context protocol on standard input and output, for coding agents.

    Its tools are check, fix, explain, trace and contract.
    """
    require_forks()
    with require("mcp"):
        from .mcp_server import serve

    serve(given)
    return 0
