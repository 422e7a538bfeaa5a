"""Errors below `try`: they count where the handlers do not catch them, or end the program."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

import pytest
from conftest import Lint

NET = """
import sys, traceback
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 2)
    def forward(self, x):
        return self.fc(x)

"""

# The handlers, and whether Python fails all the same.
HANDLERS = {
    "finally:\n    print('done')": True,
    "except KeyboardInterrupt:\n    print('stopped')": True,
    "except (ImportError, FileNotFoundError):\n    pass": True,
    "except torch.cuda.OutOfMemoryError:\n    pass": True,
    "except Exception:\n    traceback.print_exc()\n    sys.exit(1)": True,
    "except Exception as error:\n    raise SystemError('no model') from error": True,
    "except RuntimeError as error:\n    if 'memory' in str(error):\n        pass\n    else:\n        raise": True,
    "except RuntimeError:\n    pass": False,
    "except (KeyError, ValueError, RuntimeError) as error:\n    print(error)": False,
    "except:\n    sys.exit(0)": False,
    "except Exception:\n    traceback.print_exc()": False,
}


def is_wrong(lint: Lint, folder: Path, script: str) -> bool:
    (folder / "train.py").write_text(NET + script)
    report = json.loads(lint("--format", "json", folder / "train.py").stdout)
    return any(finding["severity"] == "error" for finding in report["findings"])


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_call_below_try(handler: str, tmp_path: Path, lint: Lint) -> None:
    script = f"try:\n    Net()(torch.randn(4, 11))\n{handler}\n"
    assert is_wrong(lint, tmp_path, script) is HANDLERS[handler]
    assert is_wrong(lint, tmp_path, f"def main():\n{indent(script, '    ')}\nmain()\n") is HANDLERS[handler]


def test_a_model_that_a_function_binds_globally(tmp_path: Path, lint: Lint) -> None:
    script = "net = None\ndef setup():\n    global net\n    net = Net()\nsetup()\nnet(torch.randn(4, {}))\n"
    assert is_wrong(lint, tmp_path, script.format(11))
    assert not is_wrong(lint, tmp_path, script.format(10))
