"""Settings of a training: every default stands once, with its reason, in `train.toml`."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import tomlkit
from tomlkit.exceptions import ParseError

from gentri.errors import UsageError
from gentri.ransac.features import GROUPS
from gentri.ransac.training.scenes import KINDS
from gentri.ransac.whole_pose import JOINT_SETS

DEFAULTS = Path(__file__).with_name("train.toml")
MOST_SEED = 2**62

Method = Literal["candidates", "whole-pose"]
SelectionKind = Literal["softmax", "gumbel"]


@dataclass(frozen=True)
class ExampleSettings:
    """What is trained on."""

    views: list[int]
    takes: list[int]
    errors: list[str]
    held_back: float
    left_out: list[str]


@dataclass(frozen=True)
class NetworkSettings:
    """Sizes of the network, and the groups of features that it is not told."""

    candidate: int
    joint: int
    heads: int
    layers: int
    attention: bool
    features_left_out: list[str]
    joint_set: str


@dataclass(frozen=True)
class SelectionSettings:
    """How a candidate is chosen while training."""

    kind: SelectionKind
    hard: bool
    temperature: list[float]


@dataclass(frozen=True)
class LossSettings:
    """Weights of the terms of the loss, and the error that counts."""

    scale: float
    estimate: float
    expected: float
    error: float
    foreseen: float
    entropy: float


@dataclass(frozen=True)
class OptimizerSettings:
    """How long and how fast."""

    steps: int
    batch: int
    rate: float
    decay: float
    warm_up: int
    averaged: float


@dataclass(frozen=True)
class TrainingSettings:
    """All of `train.toml`."""

    method: Method
    seed: int
    examples: ExampleSettings
    network: NetworkSettings
    selection: SelectionSettings
    loss: LossSettings
    optimizer: OptimizerSettings


def read_settings(
    path: Path | None = None, changes: Mapping[str, str] | None = None
) -> TrainingSettings:
    """The defaults, changed by a file and then by single values.

    Args:
        path: TOML with some of the keys of `train.toml`.
        changes: TOML values by dotted key, as `{"optimizer.steps": "100"}`; a text needs no quotes.

    Raises:
        UsageError: unknown keys, or values that cannot be.
    """
    values = tomlkit.parse(DEFAULTS.read_text(encoding="utf-8")).unwrap()
    if path is not None:
        _merge(values, _read(path), "")
    for key, value in (changes or {}).items():
        *tables, last = key.split(".")
        change: dict[str, Any] = {last: _parsed(value)}
        for table in reversed(tables):
            change = {table: change}
        _merge(values, change, "")
    for name, rule in RULES.items():
        table, _, key = name.rpartition(".")
        _check(name, (values[table] if table else values)[key], rule)
    settings = _built(TrainingSettings, values)
    _check_together(settings)
    return settings


@dataclass(frozen=True)
class Rule:
    """What a setting may be.

    Attributes:
        needed: in words.
        fits: whether a value is that.
    """

    needed: str
    fits: Callable[[Any], bool]


def _whole(least: int, most: float = math.inf) -> Rule:
    words = f"from {least} on" if most == math.inf else f"from {least} to {most}"
    return Rule(f"a whole number {words}", lambda x: type(x) is int and least <= x <= most)


def _number(words: str, fits: Callable[[float], bool]) -> Rule:
    return Rule(f"a number {words}", lambda x: _is_number(x) and fits(x))


def _one_of(choices: Iterable[str]) -> Rule:
    choices = tuple(choices)
    return Rule(f"one of {', '.join(choices)}", lambda x: x in choices)


def _list_of(rule: Rule, least: int = 0) -> Rule:
    some = "one or more, each once, each " if least else "each once, each "

    def fits(values: list[Any]) -> bool:
        alone = all(rule.fits(x) for x in values)
        return alone and len(values) == len(set(values)) >= least

    return Rule(f"a list: {some}{rule.needed}", fits)


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x)


_TEXT = Rule("a text", lambda x: isinstance(x, str))
_ABOVE_0 = _number("above 0", lambda x: x > 0)
_FROM_0 = _number("from 0 on", lambda x: x >= 0)

RULES = {
    "method": _one_of(get_args(Method)),
    "seed": _whole(0, MOST_SEED),
    "examples.views": _list_of(_whole(2), 1),
    "examples.takes": Rule(
        "a list of whole numbers from 1 on, one for each of examples.views",
        lambda values: all(type(x) is int and x >= 1 for x in values),
    ),
    "examples.errors": _list_of(_one_of(KINDS), 1),
    "examples.held_back": _number("between 0 and 1", lambda x: 0 < x < 1),
    "examples.left_out": _list_of(_TEXT),
    "network.candidate": _whole(1),
    "network.joint": _whole(1),
    "network.heads": _whole(1),
    "network.layers": _whole(0),
    "network.features_left_out": _list_of(_one_of(GROUPS)),
    "network.joint_set": _one_of(JOINT_SETS),
    "selection.kind": _one_of(get_args(SelectionKind)),
    "selection.temperature": Rule(
        "a list of two numbers above 0",
        lambda values: len(values) == 2 and all(map(_ABOVE_0.fits, values)),
    ),
    "loss.scale": _ABOVE_0,
    **{f"loss.{f.name}": _FROM_0 for f in fields(LossSettings) if f.name != "scale"},
    "optimizer.steps": _whole(1),
    "optimizer.batch": _whole(1),
    "optimizer.rate": _number("above 0, 1 at most", lambda x: 0 < x <= 1),
    "optimizer.decay": _FROM_0,
    "optimizer.warm_up": _whole(0),
    "optimizer.averaged": _number("from 0 on, below 1", lambda x: 0 <= x < 1),
}


def _check(name: str, value: Any, rule: Rule) -> None:
    if not rule.fits(value):
        raise UsageError(
            f"{name} is {value!r}, where {rule.needed} is needed",
            f"see {DEFAULTS.name} for what it means",
        )


def _check_together(settings: TrainingSettings) -> None:
    """What one setting asks of another."""
    views, takes = settings.examples.views, settings.examples.takes
    if len(views) != len(takes):
        raise UsageError(
            f"examples.takes is {takes}, where one number for each of examples.views "
            f"({views}) is needed",
            "set both",
        )
    joint, heads = settings.network.joint, settings.network.heads
    if joint % heads:
        raise UsageError(
            f"network.heads is {heads}, where a number that divides network.joint ({joint}) "
            "is needed",
            "set one of them, or both",
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "give a TOML file") from error


def _parsed(text: str) -> Any:
    try:
        return tomlkit.parse(f"value = {text}").unwrap()["value"]
    except ParseError:
        return text


def _merge(values: dict[str, Any], changes: Mapping[str, Any], where: str) -> None:
    for key, value in changes.items():
        if key not in values:
            raise UsageError.unknown("training setting", where + key, [where + k for k in values])
        known = values[key]
        if isinstance(known, dict) and isinstance(value, Mapping):
            _merge(known, value, f"{where}{key}.")
        elif _fits(known, value):
            values[key] = float(value) if isinstance(known, float) else value
        else:
            raise UsageError(
                f"{where}{key} is {value!r}, where something like {known!r} is needed",
                f"see {DEFAULTS.name} for what it means",
            )


def _fits(known: Any, value: Any) -> bool:
    if isinstance(known, bool) or isinstance(value, bool):
        return isinstance(known, bool) and isinstance(value, bool)
    if isinstance(known, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(known))


def _built(kind: Any, values: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(
        **{
            f.name: _built(hints[f.name], values[f.name])
            if is_dataclass(hints[f.name])
            else values[f.name]
            for f in fields(kind)
        }
    )
