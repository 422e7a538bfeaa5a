"""Substitutes for what the checking machine may lack: checkpoints, downloads, a GPU, a process group.

A constructor that loads weights doesn't need their values for its shapes; a process without a group has rank 0 of 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
import torch.hub
import torch.utils.model_zoo
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from . import absent_gpu, local_workers, uncompiled
from .constant import constant

_NO_FILE = "absent"


class Weights(dict[str, Any]):
    """The contents of a missing checkpoint: an empty dict that returns another one for every missing key."""

    def __missing__(self, key: str) -> Weights:
        return Weights()


@contextmanager
def environment_made_up() -> Iterator[None]:
    """Inside the with block, the user's code gets substitutes for what the machine lacks."""
    global _depth
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, {"HF_HUB_OFFLINE": "1"}))
        for owner, name, replacement in _patches():
            if hasattr(owner, name):
                inside = _inside(getattr(owner, name), replacement) if name in _DOWNLOADS else replacement
                stack.enter_context(mock.patch.object(owner, name, inside))
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


_depth = 0


def _inside(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    """The replacement inside the with block only, as `from torch.hub import ...` may keep a reference to it."""

    @wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        return (replacement if _depth else original)(*args, **kwargs)

    return called


def _patches() -> Iterator[tuple[Any, str, Any]]:
    yield torch, "load", _load
    yield nn.Module, "load_state_dict", _load_state_dict
    for owner in (torch.hub, torch.utils.model_zoo, *_loaded("torchvision.models._api")):
        for name in ("load_state_dict_from_url", "load_url"):
            yield owner, name, _no_weights
    for owner in _loaded("timm.models._builder"):
        yield owner, "load_pretrained", _no_weights
    for owner in _loaded("huggingface_hub.file_download"):
        for folder in ("cache", "local"):  # what `hf_hub_download` calls, under whatever name the user has it
            yield owner, f"_hf_hub_download_to_{folder}_dir", _no_file
    yield torch._C._nn, "_parse_to", _parse_to
    yield from absent_gpu.substitutes()
    yield from uncompiled.substitutes()
    if dist.is_available() and not dist.is_initialized():
        yield dist, "get_rank", lambda group=None: 0
        yield dist, "get_world_size", lambda group=None: 1
        for name in ("init_process_group", "destroy_process_group", "barrier", "broadcast", "all_reduce", "reduce"):
            yield dist, name, constant()
        yield DistributedDataParallel, "__init__", absent_gpu.wrap
        yield DistributedDataParallel, "forward", lambda wrapper, *args, **kwargs: wrapper.module(*args, **kwargs)
        yield from local_workers.substitutes()


def _loaded(*names: str) -> Iterator[ModuleType]:
    yield from (sys.modules[name] for name in names if name in sys.modules)


_torch_load = torch.load
_parse: Callable[..., Any] = torch._C._nn._parse_to
_load_into = nn.Module.load_state_dict


def _load(file: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(file, (str, Path)) and not Path(file).exists():
        return Weights()
    return _torch_load(file, *args, **kwargs)


def _parse_to(*args: Any, **kwargs: Any) -> Any:
    """The arguments of `module.to`; a device that is given as a number is that of a GPU."""
    return _parse(*(torch.device("cuda", value) if type(value) is int else value for value in args), **kwargs)


def _load_state_dict(module: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(state_dict, Weights) or not state_dict:
        return None
    return _load_into(module, state_dict, *args, **kwargs)


def _no_weights(*args: Any, **kwargs: Any) -> Weights:
    _ask_for_network()
    return Weights()


def _no_file(*args: Any, **kwargs: Any) -> str:
    _ask_for_network()
    return _NO_FILE


def _ask_for_network() -> None:
    """Report the use of the network to the guard."""
    with suppress(OSError):
        sys.audit("socket.getaddrinfo", "", 0, 0, 0, 0)


_DOWNLOADS = frozenset({"load_state_dict_from_url", "load_url"})
