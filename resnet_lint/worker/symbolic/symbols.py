"""The symbols of a trace: integers and fake tensors whose sizes are expressions, and the conditions on them.

torch's ShapeEnv keeps them. It runs Python at the sizes of one example, the *hints*, and records the comparisons of the
run as conditions, the *guards*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sympy
import torch
import torch._decomp  # decompositions of torch's functions, which work with symbolic sizes
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv

from resnet_lint.shared.records.places import Shape

from ..sizes.size_expressions import Size
from ..tensors import mapped
from ..tracer.proof import DataDependentError


class Environment:
    """Makes symbols and keeps the conditions on them; to be used inside `active()`.

    A symbol may have any value from 1; two are not equal because their hints are.
    """

    def __init__(self) -> None:
        self._shapes = ShapeEnv(specialize_zero_one=False, duck_shape=False)
        self._mode = FakeTensorMode(shape_env=self._shapes, allow_non_fake_inputs=True)
        self._hints: dict[sympy.Symbol, int] = {}

    def integer(self, name: str, hint: int) -> Any:
        """A torch.SymInt for a new symbol whose number in this run is `hint`; `name` is for torch's own errors."""
        from torch._dynamo.source import ConstantSource

        source = ConstantSource(name)
        symbol = self._shapes.create_symbol(hint, source, DimDynamic.DYNAMIC)
        self._hints[symbol] = hint
        size = self._shapes.create_symintnode(symbol, hint=hint, source=source)
        with self._assuming():
            bool(size >= 1)
        return size

    def empty(self, sizes: Sequence[Any], dtype: torch.dtype) -> torch.Tensor:
        """A fake tensor of these sizes, on meta."""
        with self._mode, self._assuming():
            return torch.empty(sizes, dtype=dtype, device="meta")

    @contextmanager
    def _assuming(self) -> Iterator[None]:
        """Inside the block torch's own checks, such as for a positive size, add no condition on the user's model."""
        assumed = len(self._shapes.guards)
        yield
        del self._shapes.guards[assumed:]

    @property
    def guards(self) -> tuple[sympy.Basic, ...]:
        """The conditions so far, as boolean expressions, in the order in which the run met them."""
        return tuple(guard.expr for guard in self._shapes.guards)

    def expression(self, size: Any) -> Size:
        """The expression of an int or a torch.SymInt."""
        return size.node.expr if isinstance(size, torch.SymInt) else int(size)

    def settled(self, size: Size) -> Size:
        """The size with the values that the conditions require for its symbols: `3` for one that has to be 3."""
        if isinstance(size, int):
            return size
        known = {symbol: value for symbol, value in self._shapes.replacements.items() if _is_plain(value)}
        settled = size
        while settled.free_symbols & known.keys():
            settled = settled.xreplace(known)
        return int(settled) if settled.is_Integer else settled

    def hint(self, size: Any) -> int:
        """The number of a size in this run. Unlike `int(size)`, it adds no condition.

        Raises DataDependentError for a size that depends on the values of tensors.
        """
        return self.number(self.expression(size))

    def number(self, expression: Size) -> int:
        """The number of an expression in this run; see `hint`."""
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
        """A copy of a value, with plain meta tensors of this run's shapes in place of the fake ones."""

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
        """Inside the block torch works without symbols, even inside `active()`."""
        with unset_fake_temporarily():
            yield


def _is_plain(value: sympy.Basic) -> bool:
    """Whether a symbol is replaced by a number or another symbol; torch also keeps divisions as replacements."""
    return bool(value.is_Integer or value.is_Symbol)
