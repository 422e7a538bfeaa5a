"""The environment of an executed script: only the meta device, no training, real first and last batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, Literal
from unittest import mock

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler

from ..load.command_line import empty_command_line
from ..outside import OUTSIDE
from ..tensors import tensors_in
from ..tracer.known_values import known_value, result_on_meta
from ..tracer.meta_device import OnMeta
from ..tracer.meta_lets_pass import refuse_what_meta_lets_pass
from ..tracer.proof import SHAPE_ERRORS, DataDependentError, replay
from . import refused_changes
from .data_sets import data_sets_made_up
from .doubt import Doubt
from .missing_tables import readers

OnTorch = Callable[[Callable[..., Any], tuple[Any, ...], Mapping[str, Any], str | None], None]
"""Called for a torch call that fails on the CPU too, with the error message, and for a loss, with None."""

LOSSES = frozenset(
    {
        F.cross_entropy,
        F.nll_loss,
        F.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        F.mse_loss,
        F.l1_loss,
        F.smooth_l1_loss,
        F.huber_loss,
        F.kl_div,
        F.multi_margin_loss,
        F.multilabel_margin_loss,
        F.multilabel_soft_margin_loss,
        F.soft_margin_loss,
        F.cosine_embedding_loss,
        F.triplet_margin_loss,
        F.margin_ranking_loss,
        F.hinge_embedding_loss,
        F.gaussian_nll_loss,
        F.poisson_nll_loss,
    }
)


MOST_BATCHES = 20
_DRAWS = frozenset({torch.randint, torch.rand, torch.randn})


class ScriptMode(OnMeta):
    """Keeps a script on meta; values that are unknown without data are zero, and have `Doubt.UNKNOWN`.

    Values that a data set reads for a sample, such as its label, are 0 or 1, and have `Doubt.INVENTED`. A single random
    number is drawn as in Python: a script may use it as a size.

    Torch calls of the script that fail, also with real tensors, are passed to `on_torch`, as are its losses.
    """

    def __init__(self, on_torch: OnTorch) -> None:
        super().__init__()
        self.is_in_model = False
        self.is_in_samples = False
        self.is_skipping = False  # a loader was asked for its last batch
        self._wanted: Literal["first", "next", "last"] = "first"
        self._on_torch = on_torch
        self.begin()

    def begin(self) -> None:
        """Reset the doubt."""
        self._asked_for = Doubt.NONE
        self.has_left_out = False  # batches, in a loop that came to its end
        self._reads_before = OUTSIDE.reads

    @contextmanager
    def batches(self, wanted: Literal["next", "last"]) -> Iterator[None]:
        """Inside the with block, a loader gives its next batch, or its last one after copies of the first one."""
        self._wanted = wanted
        self.is_skipping = False
        try:
            yield
        finally:
            self._wanted = "first"

    def batches_of(self, loader: DataLoader[Any]) -> Iterator[Any]:
        """The batches of a loader, in the order of the data set; those between the first and the last are copies.

        So what counts or gathers them is right. Of many batches, only the first one is given, unless others are wanted:
        what comes after the loop is in doubt then.
        """
        batch = self._batch(loader, 0)
        yield batch
        number = 1
        while self._wanted != "first" or self._are_all_given(loader):
            if number >= len(loader):
                return
            rest = samples_in_last_batch(loader) if number == len(loader) - 1 else None
            if self._wanted == "last":
                self.is_skipping = True
                OUTSIDE.last_round = None if rest is None else f"the last batch, which has {rest} samples"
            if self._wanted == "next" or rest is not None:
                batch = self._batch(loader, number)
            yield batch
            number += 1

    def _are_all_given(self, loader: DataLoader[Any]) -> bool:
        """Whether a loop of the script gets all batches of a loader; if not, what follows is in doubt."""
        are_few = not isinstance(loader.dataset, IterableDataset) and len(loader) <= MOST_BATCHES
        if not are_few:
            self.has_left_out = True
            self.ask_for(Doubt.UNKNOWN)
        return are_few

    def _batch(self, loader: DataLoader[Any], number: int) -> Any:
        self.is_in_samples = True
        try:
            return _batch(loader, number)
        finally:
            self.is_in_samples = False

    def ask_for(self, doubt: Doubt) -> None:
        """Record that the script reads a value in doubt."""
        self._asked_for = max(self._asked_for, doubt)

    @property
    def doubt(self) -> Doubt:
        """The doubt of the values that the script has read since `begin`."""
        return max(self._asked_for, Doubt.INVENTED if OUTSIDE.reads > self._reads_before else Doubt.NONE)

    def _called(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if self.is_in_model:
            return func(*args, **kwargs)
        if func is torch.Tensor.backward:
            return self._backward(*args, **kwargs)
        if func in _VALUES and args[0].is_meta and known_value(args[0]) is None:
            self.ask_for(Doubt.INVENTED if self.is_in_samples else Doubt.UNKNOWN)
            return _VALUES[func](args[0], OUTSIDE.trial if self.is_in_samples else 0)
        if func is torch.Tensor.unbind and _are_positions(args[0]):
            self.ask_for(Doubt.INVENTED)
            return [torch.tensor(OUTSIDE.trial, dtype=args[0].dtype, device="cpu") for _ in range(len(args[0]))]
        try:
            if func in LOSSES:
                self._require(func, args, kwargs)
                self._on_torch(func, args, kwargs, None)
            refuse_what_meta_lets_pass(func, args, kwargs)
            result = result_on_meta(func, args, kwargs)
            return func(*args, **{**kwargs, "device": "cpu"}) if func in _DRAWS and result.numel() == 1 else result
        except SHAPE_ERRORS as error:
            self._prove(func, args, kwargs, error)
            raise

    def _backward(self, loss: torch.Tensor, gradient: torch.Tensor | None = None, *args: Any, **kwargs: Any) -> None:
        """Raise the error of autograd for a loss of several values, such as `(pred - y) ** 2`."""
        if gradient is None and loss.numel() != 1:
            self._on_torch(torch.Tensor.backward, (loss,), {}, _NOT_SCALAR)
            raise RuntimeError(_NOT_SCALAR)

    def _require(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise the error that a loss would raise on the CPU; on meta, some accept mismatched shapes."""
        try:
            text, _ = replay(func, args, kwargs)
        except DataDependentError:
            return
        if text is not None:
            raise RuntimeError(text)

    def _prove(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: Exception
    ) -> None:
        if next(tensors_in([args, kwargs]), None) is None:
            return
        try:
            text, _ = replay(func, args, kwargs)
        except DataDependentError:
            return
        if text is not None:
            self._on_torch(func, args, kwargs, text)


_NOT_SCALAR = "grad can be implicitly created only for scalar outputs"


def _are_positions(tensor: torch.Tensor) -> bool:
    """Whether a script may count with the elements: `data[i : i + 64] for i in torch.randint(900, (4,))`."""
    if not tensor.is_meta or known_value(tensor) is not None:
        return False
    return tensor.dim() == 1 and not tensor.is_floating_point() and tensor.dtype != torch.bool


def _number(tensor: torch.Tensor, value: int) -> Any:
    return float(value) if tensor.is_floating_point() else value > 0 if tensor.dtype == torch.bool else value


def _filled(tensor: torch.Tensor, value: int) -> torch.Tensor:
    return torch.full(tensor.shape, value, dtype=tensor.dtype, device="cpu")


_VALUES: Mapping[Callable[..., Any], Callable[[torch.Tensor, int], Any]] = {
    torch.Tensor.item: _number,
    torch.Tensor.__bool__: lambda tensor, value: value > 0,
    torch.Tensor.__int__: lambda tensor, value: value,
    torch.Tensor.__float__: lambda tensor, value: float(value),
    torch.Tensor.__index__: lambda tensor, value: value,
    torch.Tensor.__format__: lambda tensor, value: str(value),
    torch.Tensor.tolist: lambda tensor, value: _filled(tensor, value).tolist(),
    torch.Tensor.numpy: lambda tensor, value: _filled(tensor, value).numpy(),
    torch.Tensor.__array__: lambda tensor, value: _filled(tensor, value).numpy(),
}


@contextmanager
def script_surroundings(path: str, mode: ScriptMode) -> Iterator[None]:
    """Apply the patches below inside the with block, for executing a script."""
    with ExitStack() as stack:
        for owner, name, replacement in (*_PATCHES, *readers(), *refused_changes.substitutes()):
            stack.enter_context(mock.patch.object(owner, name, replacement))
        stack.enter_context(empty_command_line(path))
        stack.enter_context(data_sets_made_up())
        stack.enter_context(mock.patch.object(DataLoader, "__iter__", lambda loader: mode.batches_of(loader)))
        stack.enter_context(torch.device("meta"))
        stack.enter_context(mode)
        yield


_module_to = nn.Module.to


def _stays(module: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """The module, converted to a dtype but not moved to a device."""
    if args and str(args[0]) == "meta":
        return _module_to(module, "meta")
    dtype = next((value for value in (*args, *kwargs.values()) if isinstance(value, torch.dtype)), None)
    return _module_to(module, dtype) if dtype is not None else module


def scripted(code: Any, *args: Any, **kwargs: Any) -> Any:
    """A module or function as it is, with what TorchScript adds: `torch.jit.script(model).save("model.pt")`."""
    for name, value in {"save": _nothing, "code": "", "graph": ""}.items():
        if isinstance(code, nn.Module) and not hasattr(code, name):
            code.__dict__[name] = value
    return code


def _in_order(number: int, **options: Any) -> torch.Tensor:
    return torch.arange(number, device="cpu")


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def samples_in_last_batch(loader: DataLoader[Any]) -> int | None:
    """The number of samples in the last batch of a loader, if they are fewer than in the others."""
    if loader.batch_size is None or loader.drop_last or type(loader.sampler) not in (SequentialSampler, RandomSampler):
        return None
    return len(loader.sampler) % loader.batch_size or None  # type: ignore[arg-type]


def _batch(loader: DataLoader[Any], number: int) -> Any:
    dataset, size = loader.dataset, loader.batch_size or 1
    if isinstance(dataset, IterableDataset):
        samples = list(islice(iter(dataset), number * size, (number + 1) * size))
    else:
        indices: Any = range(number * size, min((number + 1) * size, len(dataset)))  # type: ignore[arg-type]
        if loader.batch_size is None and loader.batch_sampler is not None:
            indices = next(islice(loader.batch_sampler, number, None))
        samples = [dataset[index] for index in indices]
    return loader.collate_fn(samples) if loader.batch_size or len(samples) > 1 else loader.collate_fn(samples[0])


_PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (nn.Module, "cuda", lambda module, device=None: module),
    (nn.Module, "to", _stays),
    (torch.utils.data.dataset, "randperm", _in_order),  # of random_split, whose sizes matter and not its order
    (torch.jit, "script", scripted),
    (torch, "save", _nothing),
    (torch.optim.Optimizer, "step", _nothing),
)
