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

# An error below, which tables show as 0.0, is no reference for a percentage.
_LEAST_MM = 0.05


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
    if isnan(found.mean):
        return f"{first} less {other}: not measured: no joint was measured by both"
    bounds = "" if isnan(found.low) else f" [{found.low:+.1f}, {found.high:+.1f}]"
    reference = summarise(results[other]).absolute_mm.mean
    share = f", {100 * found.mean / reference:+.1f} %" if reference >= _LEAST_MM else ""
    return f"{first} less {other}: {found.mean:+.1f} mm{bounds}{share}"


def _joints_mm(errors: Errors) -> dict[str, float]:
    joints = errors.skeleton.joints
    return {name: 1e3 * mean_error(errors.absolute_m[:, j]) for j, name in enumerate(joints)}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isnan(value) else value
