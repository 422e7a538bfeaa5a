"""Converts frozen records to JSON and back, for communication between front and worker.

A record is an object of its fields. If several records are possible, the object also has the name of its class under
"record". Supported types: str, int, float, bool, None, Path, Literal, tuple, frozenset, dict with keys of type str,
dataclasses, and unions of these.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, overload

Record = TypeVar("Record")

_KIND = "record"


class WireError(ValueError):
    """The data is not a value of the requested type."""


def to_json(value: Any, wanted: Any = None) -> Any:
    """Convert a value to JSON data; `wanted` is its type, required for unions."""
    kind: Any = type(value) if wanted is None else wanted
    return _codec(kind).encode(value)


@overload
def from_json(wanted: type[Record], data: Any) -> Record: ...
@overload
def from_json(wanted: Any, data: Any) -> Any: ...
def from_json(wanted: Any, data: Any) -> Any:
    """Convert JSON data to a value of a type. Raises WireError."""
    return _codec(wanted).decode(data)


@dataclass(frozen=True)
class _Codec:
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


@cache
def _codec(wanted: Any) -> _Codec:
    if _is_record(wanted):
        return _record(wanted)
    arguments = get_args(wanted)
    origin = get_origin(wanted)
    if origin in (types.UnionType, Union):
        return _union(arguments)
    if origin is Literal:
        return _Codec(lambda value: value, lambda data: _checked(data in arguments, data, wanted))
    if origin is dict:
        return _mapping(arguments[1], wanted)
    if origin is frozenset or (origin is tuple and arguments[1:] == (...,)):
        return _sequence(origin, arguments[0], wanted)
    if wanted is Path:
        return _Codec(str, lambda data: Path(_checked(isinstance(data, str), data, wanted)))
    return _fixed_tuple(arguments, wanted) if origin is tuple else _scalar(wanted)


def _is_record(wanted: Any) -> bool:
    return dataclasses.is_dataclass(wanted)


def _checked(right: bool, data: Any, wanted: Any) -> Any:
    if not right:
        raise WireError(f"{data!r:.80} is not a {getattr(wanted, '__name__', wanted)}")
    return data


def _scalar(wanted: type) -> _Codec:
    taken = (int, float) if wanted is float else (wanted,)
    return _Codec(lambda value: value, lambda data: _checked(type(data) in taken, data, wanted))


def _sequence(origin: type, item: Any, wanted: Any) -> _Codec:
    codec = _codec(item)

    def decode(data: Any) -> Any:
        return origin(codec.decode(item) for item in _checked(isinstance(data, list), data, wanted))

    return _Codec(lambda value: [codec.encode(item) for item in value], decode)


def _fixed_tuple(items: tuple[Any, ...], wanted: Any) -> _Codec:
    codecs = [_codec(item) for item in items]

    def decode(data: Any) -> Any:
        _checked(isinstance(data, list) and len(data) == len(codecs), data, wanted)
        return tuple(codec.decode(item) for codec, item in zip(codecs, data, strict=True))

    return _Codec(lambda value: [codec.encode(item) for codec, item in zip(codecs, value, strict=True)], decode)


def _mapping(item: Any, wanted: Any) -> _Codec:
    codec = _codec(item)

    def decode(data: Any) -> Any:
        return {key: codec.decode(item) for key, item in _checked(isinstance(data, dict), data, wanted).items()}

    return _Codec(lambda value: {key: codec.encode(item) for key, item in value.items()}, decode)


def _record(wanted: type) -> _Codec:
    @cache
    def fields() -> dict[str, _Codec]:  # lazily, because a record may contain records of its own class
        hints = get_type_hints(wanted)
        return {field.name: _codec(hints[field.name]) for field in dataclasses.fields(wanted)}

    def encode(value: Any) -> Any:
        return {name: codec.encode(getattr(value, name)) for name, codec in fields().items()}

    def decode(data: Any) -> Any:
        _checked(isinstance(data, dict) and data.keys() == fields().keys(), data, wanted)
        return wanted(**{name: codec.decode(data[name]) for name, codec in fields().items()})

    return _Codec(encode, decode)


def _union(options: Sequence[Any]) -> _Codec:
    """Several records are distinguished by name, other types by their values."""
    records = {option.__name__: option for option in options if _is_record(option)}
    others = [option for option in options if not _is_record(option)]

    def encode(value: Any) -> Any:
        name = type(value).__name__
        if name not in records:
            return next(_codec(option) for option in others if _fits(value, option)).encode(value)
        fields = _codec(records[name]).encode(value)
        return {_KIND: name, **fields} if len(records) > 1 else fields

    def decode(data: Any) -> Any:
        named = records.get(str(data.get(_KIND))) if isinstance(data, dict) and len(records) > 1 else None
        if named is not None:
            return _codec(named).decode({name: item for name, item in data.items() if name != _KIND})
        for option in (*others, *(records.values() if len(records) == 1 else ())):
            try:
                return _codec(option).decode(data)
            except WireError:
                continue
        return _checked(False, data, " | ".join(getattr(option, "__name__", str(option)) for option in options))

    return _Codec(encode, decode)


def _fits(value: Any, option: Any) -> bool:
    if get_origin(option) is Literal:
        return value in get_args(option)
    return isinstance(value, get_origin(option) or option)
