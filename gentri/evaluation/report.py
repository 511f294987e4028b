"""What an evaluation found, in words and as a document."""

from collections.abc import Mapping
from dataclasses import asdict
from math import isnan
from typing import Any

from gentri.evaluation.comparison import (
    Errors,
    difference_mm,
    joint_table,
    summarise,
    table,
)
from gentri.evaluation.metrics import mean_error


def report(results: Mapping[str, Errors], *, per_joint: bool = False) -> str:
    """Tables, and how much the first method differs from each other one on the same joints."""
    parts = [table(results)]
    first, *others = results
    if others:
        parts.append("\n".join(_difference(results, first, other) for other in others))
    if per_joint:
        parts.append(joint_table(results))
    return "\n\n".join(parts)


def document(results: Mapping[str, Errors]) -> dict[str, Any]:
    """The same as numbers by name, None where there is no number."""
    first, *others = results
    differences = {o: asdict(difference_mm(results[first], results[o])) for o in others}
    methods = {
        name: asdict(summarise(errors)) | {"joints_mm": _joints_mm(errors)}
        for name, errors in results.items()
    }
    return _without_nan({"methods": methods, "first_less_other_mm": differences})


def _difference(results: Mapping[str, Errors], first: str, other: str) -> str:
    found = difference_mm(results[first], results[other])
    percent = 100 * found.mean / summarise(results[other]).absolute_mm.mean
    bounds = "" if isnan(found.low) else f" [{found.low:+.1f}, {found.high:+.1f}]"
    return f"{first} less {other}: {found.mean:+.1f} mm{bounds}, {percent:+.1f} %"


def _joints_mm(errors: Errors) -> dict[str, float]:
    joints = errors.skeleton.joints
    return {name: 1e3 * mean_error(errors.absolute_m[:, j]) for j, name in enumerate(joints)}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isnan(value) else value
