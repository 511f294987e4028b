"""The types that a setting may have, read off the params of a stage."""

import math
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin


class MismatchError(ValueError):
    """A value that is not of the wanted type."""


def convert(value: Any, wanted: Any) -> Any:
    """A TOML value as the type of a params field.

    A whole number serves as float, a list as tuple; nothing else changes its type.

    Args:
        value: as TOML gives it.
        wanted: int, float, bool, str, Literal, tuple, or a union of these.

    Raises:
        MismatchError: the value is of another type.
        TypeError: the wanted type cannot stand in a settings file.
    """
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _convert_union(value, args, wanted)
    if origin is tuple:
        return _convert_tuple(value, args, wanted)
    if origin is Literal:
        fits = any(value == a and type(value) is type(a) for a in args)
    elif wanted is float:
        fits = type(value) in (int, float) and math.isfinite(value)
        value = float(value) if fits else value
    elif wanted in (bool, int, str):
        fits = type(value) is wanted
    else:
        raise TypeError(f"a setting cannot be of type {wanted}")
    return _checked(fits, value, wanted)


def describe(wanted: Any) -> str:
    """The values that a type allows, in words."""
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return " or ".join(describe(a) for a in args)
    if origin is Literal:
        return " or ".join(shown(a) for a in args)
    if origin is tuple and args[-1] is Ellipsis:
        return f"a list in brackets, such as {_example(args[0])}, of: {describe(args[0])}"
    if origin is tuple:
        return f"a list of {len(args)}: {', '.join(describe(a) for a in args)}"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[wanted]


def _example(wanted: Any) -> str:
    """A list of two, as TOML writes it."""
    if get_origin(wanted) is Literal:
        return shown(get_args(wanted)[:2])
    return {int: "[1, 2]", float: "[0.5, 1.0]", bool: "[true, false]"}.get(wanted, '["a", "b"]')


def shown(value: Any) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _checked(fits: bool, value: Any, wanted: Any) -> Any:
    if not fits:
        raise MismatchError(f"found {shown(value)}, needed {describe(wanted)}")
    return value


def _convert_union(value: Any, members: tuple[Any, ...], wanted: Any) -> Any:
    for member in members:
        try:
            return convert(value, member)
        except MismatchError:
            continue
    return _checked(False, value, wanted)


def _convert_tuple(value: Any, members: tuple[Any, ...], wanted: Any) -> tuple[Any, ...]:
    _checked(isinstance(value, list), value, wanted)
    if members[-1] is Ellipsis:
        members = members[:1] * len(value)
    _checked(len(value) == len(members), value, wanted)
    try:
        return tuple(convert(v, m) for v, m in zip(value, members, strict=True))
    except MismatchError as error:
        raise MismatchError(f"found {shown(value)}, needed {describe(wanted)}") from error
