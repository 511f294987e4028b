"""People in front of cameras with exact truth, and what gentri makes of them.

People of the CMU motion-capture database (`examples/cmu_mocap`), cameras on rings and arcs (radius
3.5–6.5 m, heights 0.8–2.8 m, focal lengths 900–1600 px at 1920×1080, all different), errors of
detectors sketched or real-like (`gentri.synthetic`). With the same seed, only what a `Condition`
says is different.
"""

import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from calibration_accuracy import options
from sessions import ROOT

from gentri import synthetic
from gentri.data import FloatArray, Intrinsics, Keypoints2D, Rig
from gentri.errors import CalibrationError
from gentri.geometry.calibration import calibrate_views
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.world import rig_in_world, world_of_person
from gentri.ransac.two_view_scenes import of_subjects

CLIPS = ROOT / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
FAILED_DEG = 3.0  # a rig that far off is as good as none


@dataclass(frozen=True)
class Condition:
    """A kind of scene.

    Attributes:
        name: for the table.
        views: number of cameras, or the least and most.
        seconds: that the person is there in each take.
        takes: recordings of the rig, with other people in each.
        known: lenses are given.
        real_like: errors biased and slow, else sketched.
        k1, off_center: lenses, as `synthetic.random_rig` takes them.
        fps: frames per second.
        people: subjects of the database; empty for all.
    """

    name: str
    views: int | tuple[int, int] = 4
    seconds: float = 15.0
    takes: int = 1
    known: bool = False
    real_like: bool = False
    k1: tuple[float, float] = (0.0, 0.0)
    off_center: float = 0.0
    fps: float = 10.0
    people: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """Detections and truth."""

    takes: tuple[Keypoints2D, ...]
    truth: Rig
    known: dict[str, Intrinsics]


@cache
def clips() -> tuple[synthetic.Clip, ...]:
    """Of the database."""
    return synthetic.read_clips(CLIPS)


def make(condition: Condition, seed: int) -> Scene:
    """The scene of a seed."""
    rng = np.random.default_rng([7, seed])
    views = condition.views
    count = views if isinstance(views, int) else int(rng.integers(views[0], views[1] + 1))
    truth = synthetic.random_rig(rng, count, k1=condition.k1, off_center=condition.off_center)
    detector = synthetic.random_detector(rng)
    people = of_subjects(clips(), condition.people) if condition.people else clips()
    takes = []
    for _ in range(condition.takes):
        walk = synthetic.mocap_take(rng, people, seconds=condition.seconds, fps=condition.fps)
        exact = synthetic.observe(truth, walk)
        if condition.real_like:
            takes.append(synthetic.real_like_noise(exact, walk, truth, rng, detector=detector))
        else:
            takes.append(synthetic.sketch_noise(exact, walk, truth, rng))
    given = {
        c.name: Intrinsics(c.width, c.height, c.K, c.dist, "given", 0.0) for c in truth.cameras
    }
    return Scene(tuple(takes), truth, given if condition.known else {})


def thinned(keypoints: Keypoints2D, count: int) -> Keypoints2D:
    """So many frames, evenly spread over those that show the person."""
    shown = np.flatnonzero(np.isfinite(keypoints.xy_px[..., 0]).any(axis=(0, 2)))
    keep = shown[np.linspace(0, len(shown) - 1, count).astype(int)]
    return replace(
        keypoints,
        xy_px=keypoints.xy_px[:, keep],
        score=keypoints.score[:, keep],
        time_s=keypoints.time_s[keep],
    )


def estimate(scene: Scene) -> Rig:
    """What `gentri calibrate` with its defaults makes of the detections.

    Raises:
        CalibrationError: gentri refuses.
    """
    found = calibrate_views(scene.takes, options(), scene.known)
    world = world_of_person(found.views, found.xyz, None)
    names, size_px = scene.takes[0].cameras, scene.takes[0].size_px
    return rig_in_world(found.views, world, names, size_px, scene.known)


def trial(job: tuple[Condition, int]) -> dict[str, Any]:
    """Median rotation of the pairs, mean focal and RMS centre error of a scene; NaN if refused."""
    condition, seed = job
    scene = make(condition, seed)
    start = time.perf_counter()
    row: dict[str, Any] = {"seed": seed, "views": len(scene.truth.cameras)}
    row |= {"rotation_deg": np.nan, "focal_percent": np.nan, "center_mm": np.nan, "refused": ""}
    try:
        e = compare_rigs(estimate(scene), scene.truth)
    except CalibrationError as refusal:
        row["refused"] = refusal.message
    else:
        row["rotation_deg"] = float(np.median(e.rotation_deg))
        row["focal_percent"] = float(e.focal_percent.mean())
        row["center_mm"] = e.center_rms_mm
    return row | {"seconds": time.perf_counter() - start}


def column(rows: list[dict[str, Any]], key: str) -> FloatArray:
    """One figure of all trials; infinite where gentri refused."""
    return np.nan_to_num(np.array([r[key] for r in rows], dtype=float), nan=np.inf)


def percentile(values: FloatArray, percent: float) -> float:
    """Of figures of which some may be infinite; then the larger of the two next to it."""
    with np.errstate(invalid="ignore"):
        found = float(np.percentile(values, percent))
    return found if np.isfinite(found) else float(np.percentile(values, percent, method="higher"))


def failures(rows: list[dict[str, Any]]) -> int:
    """Scenes that were refused or went wrong."""
    return int((column(rows, "rotation_deg") > FAILED_DEG).sum())
