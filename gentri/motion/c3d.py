"""C3D: joint centres by their names, or the markers of the Plug-in Gait set."""

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from gentri.data import FloatArray
from gentri.motion.joints import SYNONYMS, plain
from gentri.motion.markers import joints_of_markers, missing_markers
from gentri.motion.recording import METRES, MotionFile, refusal


def read_c3d(path: Path) -> MotionFile:
    """Read joints; a point with a negative residual was not measured.

    Raises:
        InputError: it is no C3D, its points are neither joints nor such markers, or it holds
            two people.
    """
    points, rate, unit = _points(path)
    people = _people(points)
    if len(people) > 1:
        raise refusal(
            path,
            f"{len(people)} people: {', '.join(name or 'one without a name' for name in people)}",
            "export each person to a file of its own",
        )
    return MotionFile(_joints(next(iter(people.values()), points), path), rate, METRES.get(unit))


def _people(points: Mapping[str, FloatArray]) -> dict[str, dict[str, FloatArray]]:
    """Points by label of those of whom there is a body, by what stands before the colon."""
    groups: dict[str, dict[str, FloatArray]] = {}
    for label, xyz in points.items():
        groups.setdefault(label.rpartition(":")[0], {})[label] = xyz
    return {name: group for name, group in groups.items() if _is_body(group)}


def _is_body(labels: Iterable[str]) -> bool:
    return _has_knee(labels) or missing_markers(labels) is not None


def _joints(points: Mapping[str, FloatArray], path: Path) -> Mapping[str, FloatArray]:
    """Of one person, from markers where there are all."""
    missing = missing_markers(points)
    if missing == []:
        return joints_of_markers(points)
    if _has_knee(points):
        return points
    if missing:
        raise refusal(
            path,
            f"no joint centres, and of the Plug-in Gait markers {', '.join(missing)} missing",
            "label these markers, or export joint centres (LeftKnee, LKJC …)",
        )
    raise refusal(
        path,
        f"neither joint centres nor Plug-in Gait markers; found: {', '.join(points) or 'none'}",
        "export joint centres, called after their joints (LeftKnee, LKJC …)",
    )


def _has_knee(labels: Iterable[str]) -> bool:
    return any(plain(label) in SYNONYMS["LKnee"] for label in labels)


def _points(path: Path) -> tuple[dict[str, FloatArray], float, str]:
    """Points by label (T, 3), frames per second, and the unit as it stands there."""
    import c3d

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the library, about what it had to guess
            reader = c3d.Reader(file)
            # One name per point; further ones stand in LABELS2 …, blanks fill them up.
            labels = [re.sub(r"[\s\0]+$", "", label) for label in reader.point_labels]
            frames = [points[:, :4] for _, points, _ in reader.read_frames(copy=True)]
            rate = float(reader.point_rate)
            declared = reader.get("POINT:UNITS")
    except OSError as error:
        raise refusal(
            path, f"cannot be read: {error.strerror or error}", "check the path"
        ) from error
    except Exception as error:  # the library has no errors of its own
        raise refusal(path, f"is no whole C3D file ({error})", "export it again") from error
    if not frames or rate <= 0:
        raise refusal(path, "has no frames of points", "export the trajectories, too")
    xyz = np.stack(frames).astype(np.float64)
    xyz[xyz[..., 3] < 0] = np.nan
    unit = declared.string_value.strip().lower() if declared is not None else ""
    return {n: xyz[:, i, :3] for i, n in enumerate(labels[: xyz.shape[1]])}, rate, unit
