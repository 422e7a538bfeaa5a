"""The stub of torch._dynamo, in new interpreters: it is not loaded, and behaves like the real module."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # each imports torch in several new interpreters

# A forward pass of common operations on meta; prints the shape of the result.
FORWARD = """
import torch
from torch import nn
import torch.nn.functional as F
conv, norm = nn.Conv2d(3, 8, 3, padding=1, device="meta"), nn.BatchNorm2d(8, device="meta").eval()
x = torch.empty(2, 3, 16, 16, device="meta")
with torch.no_grad():
    out = F.relu(norm(conv(x)))
    out = torch.cat([out + out, out * 2, x], 1)
print(tuple(F.interpolate(out, scale_factor=2).flatten(1).softmax(-1).shape))
"""
STAND_IN = "from resnet_lint.worker.torch_quirks.dynamo import stand_in; stand_in()\n"
LOADED = "import sys; print('torch._dynamo.convert_frame' in sys.modules)\n"


def printed(code: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_forward_on_meta_gives_the_same_without_dynamo() -> None:
    assert printed(FORWARD + LOADED) == ["(2, 19456)", "True"]
    assert printed(STAND_IN + FORWARD + LOADED) == ["(2, 19456)", "False"]


def test_the_real_module_is_loaded_once_and_compiles() -> None:
    code = """
import sys
import torch._dynamo.config
import torch._dynamo.convert_frame
print(torch._dynamo.convert_frame.config is torch._dynamo.config)
compiled = torch.compile(lambda x: torch.relu(x) + 1, backend="eager")
print(compiled(torch.tensor([-1.0, 2.0])).tolist())
print(torch._dynamo is sys.modules["torch._dynamo"], torch._dynamo.__file__.endswith("__init__.py"))
"""
    assert printed(STAND_IN + FORWARD + code)[1:] == ["True", "[1.0, 3.0]", "True True"]


def test_disable_works_before_and_after_the_real_module_is_loaded() -> None:
    code = """
import torch
before = torch._dynamo.disable(lambda x: x + 1)
decorated = torch._dynamo.disable()(lambda x: x + 2)
from torch._dynamo import allow_in_graph, config
after = torch._dynamo.disable(lambda x: x + 3)
print(before(1), decorated(1), after(1), allow_in_graph.__module__, config.__name__)
"""
    assert printed(STAND_IN + code) == ["2 3 4 torch._dynamo.decorators torch._dynamo.config"]


def test_the_function_that_torchvision_imports_loads_it_when_called() -> None:
    code = "from torch._dynamo.utils import is_compile_supported\n"
    use = """
print(is_compile_supported("meta"), is_compile_supported("cpu"))
import torch._dynamo.utils as late
print(late.same.__module__, late.is_compile_supported.__module__)
"""
    assert printed(STAND_IN + code + LOADED + use) == ["False", *printed(code + use)]


def test_symbols_need_only_some_submodules_which_the_real_module_takes_over() -> None:
    symbol = """
from resnet_lint.worker.symbolic.symbols import Environment
environment = Environment()
with environment.active():
    print(bool(environment.integer("n", 4) * 2 > 5))
"""
    real = """
import torch._dynamo.source, torch._dynamo.utils
source, utils = torch._dynamo.source, torch._dynamo.utils
import torch._dynamo.convert_frame
print(torch._dynamo.source is source, torch._dynamo.utils is utils, utils.counters is torch._dynamo.exc.counters)
print(torch.compile(lambda x: torch.relu(x) + 1, backend="eager")(torch.tensor([-1.0, 2.0])).tolist())
"""
    numbers = "from resnet_lint.worker.torch_quirks.plain_sizes import numbers_only; numbers_only()\n"
    result = printed(STAND_IN + numbers + FORWARD + symbol + LOADED + real)
    assert result == ["(2, 19456)", "True", "False", "True True True", "[1.0, 3.0]"]


def test_a_loaded_module_is_not_replaced() -> None:
    code = "import torch._dynamo as real\n" + STAND_IN + "import torch\nprint(torch._dynamo is real)\n"
    assert printed(code) == ["True"]


def test_other_submodules_load_the_package_first() -> None:
    """`trace_rules`, which `init_process_group` uses, and `convert_frame` cannot be imported on their own."""
    attribute = "import torch\ntorch._dynamo.trace_rules.clear_lru_cache()\n"
    module = "import torch._dynamo.convert_frame as frames\nprint(frames is torch._dynamo.convert_frame)\n"
    assert printed(STAND_IN + FORWARD + attribute + module)[1:] == ["True"]
    assert printed(STAND_IN + FORWARD + module + attribute)[1:] == ["True"]


def test_a_check_in_the_process_of_the_user_leaves_no_stub() -> None:
    """The functions that the wrappers called without `disable` are disabled once the user compiles."""
    check = """
from resnet_lint.worker.torch_quirks.dynamo import stood_in
from resnet_lint.worker.symbolic.symbols import Environment
for _ in range(2):
    with stood_in():
        x = torch.empty(2, 3, device="meta")
        print(tuple((x + x).shape))
        functions = sys.modules["torch._dynamo"].disabled
        environment = Environment()
        with environment.active():
            print(bool(environment.integer("n", 4) * 2 > 5))
print("torch._dynamo" in sys.modules, bool(torch.fx.experimental.symbolic_shapes.uninteresting_files()))
"""
    use = """
import torch._dynamo.source, torch._dynamo.config
source = torch._dynamo.source
print(torch.compile(lambda x: torch.relu(x) + 1, backend="eager")(torch.tensor([-1.0, 2.0])).tolist())
print(torch._dynamo.source is source, torch._dynamo.config.verbose)
x + x
kept = [(fn, vars(fn)["__dynamo_disable"]) for fn in functions if "__dynamo_disable" in vars(fn)]
print(len(kept) > 0, any(disabled is fn for fn, disabled in kept))
"""
    expected = [*2 * ["(2, 3)", "True"], "False True", "[1.0, 3.0]", "True False", "True False"]
    assert printed("import sys, torch\n" + check + use) == expected


def test_an_import_that_is_interrupted_leaves_the_stub() -> None:
    interrupted = """
import sys
import torch
class Alarm:
    def find_spec(self, name, path, target=None):
        if name == "torch._dynamo.variables":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Alarm())
for _ in range(2):
    try:
        torch._dynamo.optimize
    except KeyboardInterrupt:
        print("interrupted")
    print(tuple(torch.ones(2, device="meta").new_empty([3]).shape))
"""
    assert printed(STAND_IN + interrupted) == ["interrupted", "(3,)"] * 2
