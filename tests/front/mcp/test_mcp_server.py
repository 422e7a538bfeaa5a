"""The MCP server, over the wire: one server, which an agent uses for a while."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from one_block import one_block

MODEL = one_block(32)


def test_an_agent_checks_fixes_and_asks(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    asyncio.run(_session(tmp_path))


async def _session(folder: Path) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-m", "resnet_lint", "mcp"], cwd=str(folder))
    async with Client(stdio_client(server)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"check", "fix", "explain", "trace", "contract"}

        checked = await _call(client, "check", path="model.py")
        [finding] = checked["findings"]
        assert (finding["rule"], finding["file"], finding["line"]) == ("RL101", "model.py", 11)
        assert finding["fix"]["verified"] and finding["fix"]["safe"]
        assert "+        return self.shortcut(x) + self.conv(x)\n" in finding["fix"]["diff"]

        traceback = (
            'Traceback (most recent call last):\n  File "model.py", line 11, in forward\n    return x + self.conv(x)\n'
            "RuntimeError: The size of tensor a (16) must match the size of tensor b (32) "
            "at non-singleton dimension 1\n"
        )
        explained = await _call(client, "explain", subject=traceback)
        assert "RL101" in explained["explanation"]
        assert "RL103" in (await _call(client, "explain", subject="RL103"))["explanation"]

        fixed = await _call(client, "fix", path="model.py")
        assert fixed["findings"] == [] and fixed["fixed"][0]["diff"] == finding["fix"]["diff"]
        assert "self.shortcut(x)" in (folder / "model.py").read_text()

        traced = await _call(client, "trace", path="model.py::Net")
        assert traced["faults"] == 0 and "(2, 32, 32, 32)" in traced["table"]
        contract = await _call(client, "contract", path="model.py")
        assert contract["inputs"] == [{"name": "x", "sizes": ["N", "16", "H", "W"], "dtype": "float32"}]

        for arguments in ({"path": "absent.py"}, {"path": "model.py::Absent"}):
            failed: Any = await client.call_tool("check", arguments)
            assert failed.is_error and "\n" not in failed.content[0].text


async def _call(client: Any, tool: str, **arguments: object) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


def test_without_the_sdk_it_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None; from resnet_lint.front.cli import main; main(['mcp'])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    message = 'resnet-lint: this command needs an extra: pip install "resnet-lint[mcp]"\n'
    assert (run.returncode, run.stderr) == (2, message)


@pytest.mark.parametrize("sent", [b"", b"nonsense\n{}\n"])
def test_a_client_that_sends_nonsense_or_vanishes_ends_it(sent: bytes, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resnet_lint", "mcp"]
    run = subprocess.run(command, input=sent, capture_output=True, cwd=tmp_path, timeout=60)
    assert run.returncode == 0
    assert b"Traceback" not in run.stderr
