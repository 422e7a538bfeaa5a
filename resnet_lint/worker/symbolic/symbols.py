"""The symbols of a trace: integers and fake tensors whose sizes are expressions, and the conditions on them.

They are managed by torch's ShapeEnv, which evaluates comparisons with the sizes of an example, the *hints*, and records
them as conditions, the *guards*.
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
    """Creates symbols and collects the conditions on them; to be used inside `active()`.

    A symbol may have any value from 1. Symbols with equal hints are not assumed to be equal.
    """

    def __init__(self) -> None:
        self._shapes = ShapeEnv(specialize_zero_one=False, duck_shape=False)
        self._mode = FakeTensorMode(shape_env=self._shapes, allow_non_fake_inputs=True)
        self._mode.cache_enabled = False  # few calls repeat, and a key costs more than most of them
        self._hints: dict[sympy.Symbol, int] = {}

    def integer(self, name: str, hint: int) -> Any:
        """A torch.SymInt for a new symbol with the value `hint` in this run; `name` is used in torch's errors."""
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
        """Inside the with block, torch's own checks, such as for positive sizes, don't add conditions."""
        assumed = len(self._shapes.guards)
        yield
        del self._shapes.guards[assumed:]

    @property
    def guards(self) -> tuple[sympy.Basic, ...]:
        """The conditions so far, as boolean expressions, in order of occurrence."""
        return tuple(guard.expr for guard in self._shapes.guards)

    def expression(self, size: Any) -> Size:
        """The expression of an int or a torch.SymInt."""
        return size.node.expr if isinstance(size, torch.SymInt) else int(size)

    def settled(self, size: Size) -> Size:
        """The size with symbols replaced by the values that the conditions require."""
        if isinstance(size, int):
            return size
        known = {symbol: value for symbol, value in self._shapes.replacements.items() if _is_plain(value)}
        settled = size
        while settled.free_symbols & known.keys():
            settled = settled.xreplace(known)
        return int(settled) if settled.is_Integer else settled

    def hint(self, size: Any) -> int:
        """The value of a size in this run. Unlike `int(size)`, this adds no condition.

        Raises DataDependentError if the size depends on the values of tensors.
        """
        return self.number(self.expression(size))

    def number(self, expression: Size) -> int:
        """The value of an expression in this run; see `hint`."""
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
        """A copy of a value with fake tensors replaced by plain meta tensors of the shapes in this run."""

        def plain(part: Any) -> Any:
            if isinstance(part, torch.Tensor):
                return torch.empty(self.hints(part.shape), dtype=part.dtype, device="meta")
            return self.hint(part) if isinstance(part, torch.SymInt) else part

        with self.concretely():
            return mapped(value, plain)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Enable symbolic shapes inside the with block."""
        with self._mode, enable_python_dispatcher():
            yield

    @contextmanager
    def concretely(self) -> Iterator[None]:
        """Disable symbolic shapes inside the with block, even inside `active()`."""
        with unset_fake_temporarily():
            yield


def _is_plain(value: sympy.Basic) -> bool:
    """Whether a replacement for a symbol is a number or another symbol; torch also uses divisions."""
    return bool(value.is_Integer or value.is_Symbol)
