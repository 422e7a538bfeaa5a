"""The symbols of a trace: integers and fake tensors whose sizes are expressions, and the conditions put on them.

torch's ShapeEnv keeps them. It runs Python at the sizes of one example (the *hints*), and takes note of each comparison
that the run came through, as a condition: a *guard*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sympy
import torch
import torch._decomp  # says in Python, for sizes as symbols, what many of torch's functions do
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv

from resnet_lint.shared.records.places import Shape

from ..sizes.size_expressions import Size
from ..tensors import mapped
from ..tracer.proof import DataDependentError


class Environment:
    """Makes symbols, and knows what became of them; works inside `active()`.

    A symbol may take each value from 1; none is taken to be equal to another because their hints are.
    """

    def __init__(self) -> None:
        self._shapes = ShapeEnv(specialize_zero_one=False, duck_shape=False)
        self._mode = FakeTensorMode(shape_env=self._shapes, allow_non_fake_inputs=True)
        self._hints: dict[sympy.Symbol, int] = {}

    def integer(self, name: str, hint: int) -> Any:
        """A torch.SymInt for a new symbol that stands for `hint` in this run; `name` tells it in torch's own errors."""
        from torch._dynamo.source import ConstantSource

        source = ConstantSource(name)
        symbol = self._shapes.create_symbol(hint, source, DimDynamic.DYNAMIC)
        self._hints[symbol] = hint
        size = self._shapes.create_symintnode(symbol, hint=hint, source=source)
        with self._assuming():
            bool(size >= 1)
        return size

    def empty(self, sizes: Sequence[Any], dtype: torch.dtype) -> torch.Tensor:
        """A fake tensor on meta of these sizes."""
        with self._mode, self._assuming():
            return torch.empty(sizes, dtype=dtype, device="meta")

    @contextmanager
    def _assuming(self) -> Iterator[None]:
        """What torch asks inside the block, such as whether a size is positive, is no condition on the user's model."""
        assumed = len(self._shapes.guards)
        yield
        del self._shapes.guards[assumed:]

    @property
    def guards(self) -> tuple[sympy.Basic, ...]:
        """The conditions so far, as boolean expressions, in the order in which the run met them."""
        return tuple(guard.expr for guard in self._shapes.guards)

    def expression(self, size: Any) -> Size:
        """What an int or a torch.SymInt stands for."""
        return size.node.expr if isinstance(size, torch.SymInt) else int(size)

    def settled(self, size: Size) -> Size:
        """The size, with what the conditions say its symbols are: `3` for a symbol of which they want that it is 3."""
        if isinstance(size, int):
            return size
        known = {symbol: value for symbol, value in self._shapes.replacements.items() if _is_plain(value)}
        settled = size
        while settled.free_symbols & known.keys():
            settled = settled.xreplace(known)
        return int(settled) if settled.is_Integer else settled

    def hint(self, size: Any) -> int:
        """The number that a size stands for in this run. Adds no condition, as `int(size)` would.

        Raises DataDependentError for a size that values decide on.
        """
        return self.number(self.expression(size))

    def number(self, expression: Size) -> int:
        """The number that an expression stands for; see `hint`."""
        if isinstance(expression, int):
            return expression
        if not expression.free_symbols <= self._hints.keys():
            raise DataDependentError
        return int(expression.xreplace(self._as_numbers))

    def hints(self, shape: Sequence[Any]) -> Shape:
        return tuple(self.hint(size) for size in shape)

    @property
    def _as_numbers(self) -> Mapping[sympy.Basic, sympy.Basic]:
        return {symbol: sympy.Integer(hint) for symbol, hint in self._hints.items()}

    def concrete(self, value: Any) -> Any:
        """A copy of a value, with plain meta tensors of the shapes that its fake ones stand for."""

        def plain(part: Any) -> Any:
            if isinstance(part, torch.Tensor):
                return torch.empty(self.hints(part.shape), dtype=part.dtype, device="meta")
            return self.hint(part) if isinstance(part, torch.SymInt) else part

        with self.concretely():
            return mapped(value, plain)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inside the block torch works with the symbols."""
        with self._mode, enable_python_dispatcher():
            yield

    @contextmanager
    def concretely(self) -> Iterator[None]:
        """Inside the block torch works without symbols, also where the mode is active around it."""
        with unset_fake_temporarily():
            yield


def _is_plain(value: sympy.Basic) -> bool:
    """Whether a symbol was found to be a number, or another symbol; torch also keeps divisions that it worked out."""
    return bool(value.is_Integer or value.is_Symbol)
