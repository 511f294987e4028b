"""Settings by keyword: defaults stay in default.toml."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints

import numpy as np

from gentri.configs.schema import MismatchError, convert
from gentri.configs.settings import list_settings, load_settings
from gentri.errors import UsageError
from gentri.pipeline.stage import Stage


def params_of(stage: Stage, settings: Mapping[str, Any]) -> Any:
    """The stage's params: the defaults, and these over them.

    Raises:
        UsageError: an unknown name, or a value that it cannot have.
    """
    types, changed = get_type_hints(stage.params), {}
    for name, value in settings.items():
        if name not in types:
            raise UsageError.unknown(f"setting of {stage.name}", name, types)
        try:
            changed[name] = convert(_plain(value), types[name])
        except MismatchError as error:
            raise UsageError(f"{name}: {error}", _meaning(stage, name)) from error
    try:
        return replace(load_settings((stage,))[stage.name], **changed)
    except ValueError as error:  # out of range
        raise UsageError(str(error), _meaning(stage, str(error).partition(":")[0])) from error


def _meaning(stage: Stage, name: str) -> str:
    """What default.toml says of a setting; "" for what is none."""
    said = {s.name: s for s in list_settings((stage,))}
    return (
        f"{name}, {said[name].default} when left out: {said[name].comment}" if name in said else ""
    )


def _plain(value: Any) -> Any:
    """As TOML would give it."""
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value
