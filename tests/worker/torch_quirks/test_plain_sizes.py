"""The stubs of symbolic sizes and sympy, in a new interpreter: they answer as the real modules, and load them."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import importlib.util
import sys
from itertools import product

import torch
from torch import nn
from resnet_lint.worker.torch_quirks.dynamo import stand_in
from resnet_lint.worker.torch_quirks.plain_sizes import _OF_NUMBERS, _NoOperand, numbers_only

stand_in(), numbers_only()
with torch.device("meta"):
    out = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())(torch.randn(2, 3, 16, 16))
    out = torch.cat([out + out, out * 2 - 1], 1).flatten(1).softmax(-1)
print(tuple(out.shape), "sympy.core" in sys.modules, torch.fx.experimental.symbolic_shapes in sys.modules.values())

from torch.fx.experimental import symbolic_shapes as stub
assert importlib.util.find_spec("sympy") is not None and "sympy.core" not in sys.modules
samples = (True, False, 0, 3, (2, 3), [2, 3], torch.Size([2, 4]), (), "x")
stubs = {name: getattr(stub, name) for name in _OF_NUMBERS}
answers = {
    (name, index): of(*args)
    for name, of in _OF_NUMBERS.items()
    for index, args in enumerate([*product(samples, repeat=1), *product(samples, repeat=2)])
}
print("sympy.core" in sys.modules)

from sympy import Basic, physics
import sympy.physics.units
import sympy
assert Basic is not _NoOperand and isinstance(sympy.Symbol("H"), Basic) and sympy.physics.units.__name__
environment = torch.fx.experimental.symbolic_shapes.ShapeEnv()
real = sys.modules["torch.fx.experimental.symbolic_shapes"]
assert real is not stub and real is torch.fx.experimental.symbolic_shapes
for name in [name for name in _OF_NUMBERS if hasattr(real, name)]:
    for index, args in enumerate([*product(samples, repeat=1), *product(samples, repeat=2)]):
        answer = answers[name, index]
        if answer is not NotImplemented:
            assert getattr(real, name)(*args) == answer == stubs[name](*args), (name, args)

symbol = environment.create_unbacked_symint()
print(stubs["guard_or_false"](symbol == 4), stubs["statically_known_true"](symbol == symbol))
print(tuple((torch.empty(2, 3, device="meta") + 1).shape), "torch._dynamo.convert_frame" in sys.modules)
"""


def test_a_forward_loads_neither_and_they_answer_as_the_real_ones() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["(2, 4096) False True", "False", "False True", "(2, 3) False"]
