"""The MCP server: its tools and what they tell agents about themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from resnet_lint import __version__
from resnet_lint.shared.errors import ResnetLintError

from ..options.configuration import Given
from ..warm_checks import WarmChecks
from .tools import Tools

_INSTRUCTIONS = (
    "Finds skip connections and layers of PyTorch models whose shapes do not fit, without training or data. Call check "
    "after each edit of a model file. Fixes marked as verified were traced; apply safe ones with fix."
)


def serve(given: Given) -> None:
    """Serve a client on standard input and output until it closes them."""
    server = MCPServer("resnet-lint", instructions=_INSTRUCTIONS, version=__version__, log_level="ERROR")
    checks = WarmChecks(given)
    tools = Tools(checks)
    for tool in (tools.check, tools.fix, tools.explain, tools.trace, tools.contract):
        server.add_tool(_with_one_line_errors(tool))
    try:
        server.run("stdio")
    finally:
        checks.close()


def _with_one_line_errors(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @functools.wraps(tool)
    def called(*args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return tool(*args, **kwargs)
        except ResnetLintError as error:
            raise ToolError(str(error)) from error

    return called
