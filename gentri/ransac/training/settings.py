"""Settings of a training: every default stands once, with its reason, in `train.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

import tomlkit
from tomlkit.exceptions import ParseError

from gentri.errors import UsageError

DEFAULTS = Path(__file__).with_name("train.toml")


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


@dataclass(frozen=True)
class SelectionSettings:
    """How a candidate is chosen while training."""

    kind: Literal["softmax", "gumbel"]
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

    method: Literal["candidates", "whole-pose"]
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
        UsageError: unknown keys, or values of another type.
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
    return _built(TrainingSettings, values)


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
