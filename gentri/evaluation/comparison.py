"""Methods on the same frames, and tables of how they did."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.evaluation import metrics
from gentri.evaluation.bootstrap import Interval, difference_interval, mean_interval
from gentri.evaluation.suites import EvaluationSet
from gentri.skeletons import Skeleton

# Detections (C, T, J) and the rig → joints (T, J, 3), metres; NaN where not measured.
Method = Callable[[Keypoints2D, Rig], FloatArray]


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of a method at the T ticks at which it was asked.

    Attributes:
        absolute_m: (T, J) distances in the world; NaN where not measured or not known.
        relative_m: (T, J) with the pelvis in place.
        aligned_m: (T, J) after Procrustes.
        known: (T, J) bool, where there is truth.
        clip: (T,) int32, numbers of clips, each of one set.
        skeleton: joint set.
    """

    absolute_m: FloatArray
    relative_m: FloatArray
    aligned_m: FloatArray
    known: NDArray[np.bool_]
    clip: NDArray[np.int32]
    skeleton: Skeleton


@dataclass(frozen=True)
class Summary:
    """What a table says of a method.

    Attributes:
        absolute_mm, relative_mm, aligned_mm: mean per-joint position errors of what was measured.
        p99_mm: 99th percentile of the absolute errors of joints.
        pck: share of absolute errors within 150 mm; not measured counts as wrong.
        auc: its mean over thresholds up to 150 mm.
        coverage: share of the joints asked for that was measured.
    """

    absolute_mm: Interval
    relative_mm: Interval
    aligned_mm: Interval
    p99_mm: float
    pck: float
    auc: float
    coverage: float


def evaluate(method: Method, sets: Iterable[EvaluationSet]) -> Errors:
    """Errors of a method that is called once for every clip.

    Raises:
        ValueError: no clip, sets of different joint sets, or a result of another shape.
    """
    found: list[Errors] = []
    skeletons: set[Skeleton] = set()
    for one in sets:
        skeletons.add(one.skeleton)
        for keypoints, truth in one.parts():
            xyz = np.asarray(method(keypoints, one.rig), dtype=np.float64)
            if xyz.shape != truth.shape:
                raise ValueError(f"{one.name}: the method gave {xyz.shape}, not {truth.shape}")
            found.append(_errors(xyz, truth, one.skeleton, len(found)))
    if len(skeletons) != 1:
        raise ValueError(f"one joint set is needed, got {sorted(s.name for s in skeletons)}")
    return Errors(
        np.concatenate([e.absolute_m for e in found]),
        np.concatenate([e.relative_m for e in found]),
        np.concatenate([e.aligned_m for e in found]),
        np.concatenate([e.known for e in found]),
        np.concatenate([e.clip for e in found]),
        skeletons.pop(),
    )


def summarise(errors: Errors) -> Summary:
    """The figures of a method."""
    measured = errors.absolute_m[np.isfinite(errors.absolute_m)]
    absolute, relative, aligned = (
        mean_interval(values, errors.clip).scaled(1e3)
        for values in (errors.absolute_m, errors.relative_m, errors.aligned_m)
    )
    return Summary(
        absolute,
        relative,
        aligned,
        1e3 * float(np.quantile(measured, 0.99)) if measured.size else np.nan,
        metrics.pck(errors.absolute_m, errors.known),
        metrics.auc(errors.absolute_m, errors.known),
        metrics.coverage(errors.absolute_m, errors.known),
    )


def difference_mm(a: Errors, b: Errors) -> Interval:
    """Mean absolute error of a less that of b, where both measured, millimetres.

    Raises:
        ValueError: they were not asked for the same joints.
    """
    if not (np.array_equal(a.known, b.known) and np.array_equal(a.clip, b.clip)):
        raise ValueError("the methods were not evaluated on the same sets")
    return difference_interval(a.absolute_m, b.absolute_m, a.clip).scaled(1e3)


def table(results: Mapping[str, Errors]) -> str:
    """One line per method."""
    head = ("method", "absolute mm", "relative mm", "aligned mm", "p99", "PCK", "AUC", "coverage")
    rows: list[tuple[str, ...]] = [head]
    for name, errors in results.items():
        s = summarise(errors)
        means = [_interval(i) for i in (s.absolute_mm, s.relative_mm, s.aligned_mm)]
        shares = [f"{100 * share:.1f}" for share in (s.pck, s.auc, s.coverage)]
        rows.append((name, *means, f"{s.p99_mm:.0f}", *shares))
    return _aligned(rows)


def joint_table(results: Mapping[str, Errors]) -> str:
    """One line per joint with any truth: mean absolute errors, mm, and coverage where not whole."""
    rows: list[tuple[str, ...]] = [("joint", *results)]
    asked = next(iter(results.values()))
    for j, joint in enumerate(asked.skeleton.joints):
        if asked.known[:, j].any():
            rows.append((joint, *(_of_joint(errors, j) for errors in results.values())))
    return _aligned(rows)


def _errors(xyz: FloatArray, truth: FloatArray, skeleton: Skeleton, number: int) -> Errors:
    """Errors in a clip, at the ticks with any truth."""
    known = np.isfinite(truth[..., 0])
    asked = known.any(axis=-1)
    xyz, truth = xyz[asked], truth[asked]
    return Errors(
        metrics.absolute_errors(xyz, truth),
        metrics.relative_errors(xyz, truth, skeleton),
        metrics.aligned_errors(xyz, truth),
        known[asked],
        np.full(len(xyz), number, dtype=np.int32),
        skeleton,
    )


def _of_joint(errors: Errors, joint: int) -> str:
    mean = 1e3 * metrics.mean_error(errors.absolute_m[:, joint])
    share = metrics.coverage(errors.absolute_m[:, joint], errors.known[:, joint])
    return f"{mean:.1f}" + ("" if share == 1 else f" ({100 * share:.1f} %)")


def _interval(interval: Interval) -> str:
    if np.isnan(interval.low):
        return f"{interval.mean:.1f}"
    return f"{interval.mean:.1f} [{interval.low:.1f}, {interval.high:.1f}]"


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
