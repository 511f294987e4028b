"""Pairs of views with known relative pose, to train and to judge the scorer of hypotheses.

People of the CMU motion-capture database before random rigs, with errors of detectors sketched and
real-like. No subject that the network is judged by is in its training, nor any clip whose subject
is not known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from gentri.data import Camera, FloatArray, Keypoints2D
from gentri.geometry.cameras import undistort
from gentri.synthetic import (
    Clip,
    mocap_take,
    observe,
    random_detector,
    random_rig,
    real_like_noise,
    sketch_noise,
)
from gentri.synthetic.sketch import person_size

TRAINING_SUBJECTS = ("01", "02", "03", "10", "12", "26", "27", "29", "32", "35", "49")
TEST_SUBJECTS = ("05", "06", "07", "08", "16")
FRAMES = 50
THRESHOLD = 0.02  # Sampson distance of an inlier, share of the person's size
SECONDS = 15.0


@dataclass(frozen=True, eq=False)
class TwoViews:
    """Correspondences with truth.

    Attributes:
        a: (N, 2) normalised image coordinates. b: the same joints in the other view.
        weight: (N,) product of the scores.
        threshold: Sampson distance of an inlier.
        R: (3, 3) b_from_a. t: (3,) its direction.
        real_like: kind of errors; else sketched.
    """

    a: FloatArray
    b: FloatArray
    weight: FloatArray
    threshold: float
    R: FloatArray
    t: FloatArray
    real_like: bool


def of_subjects(clips: tuple[Clip, ...], subjects: tuple[str, ...]) -> tuple[Clip, ...]:
    """Their clips."""
    return tuple(c for c in clips if c.subject in subjects)


def scenes(
    rng: np.random.Generator, clips: tuple[Clip, ...], views: int, *, frames: int = FRAMES
) -> Iterator[TwoViews]:
    """All pairs of views of one rig that see one person, with either kind of errors.

    Args:
        rng: source of all variation.
        clips: of the people.
        views: number of cameras.
        frames: evenly spread over the take.
    """
    rig = random_rig(rng, views)
    walk = mocap_take(rng, clips, seconds=SECONDS)
    exact = observe(rig, walk)
    sketched = sketch_noise(exact, walk, rig, rng)
    real = real_like_noise(exact, walk, rig, rng, detector=random_detector(rng))
    for keypoints, real_like in ((sketched, False), (real, True)):
        seen = _thinned(keypoints, frames)
        for i, j in combinations(range(views), 2):
            yield _pair(seen, rig.cameras, i, j, real_like)


def _thinned(keypoints: Keypoints2D, count: int) -> Keypoints2D:
    shown = np.flatnonzero(np.isfinite(keypoints.xy_px[..., 0]).any(axis=(0, 2)))
    keep = shown[np.linspace(0, len(shown) - 1, count).astype(int)]
    return replace(
        keypoints,
        xy_px=keypoints.xy_px[:, keep],
        score=keypoints.score[:, keep],
        time_s=keypoints.time_s[keep],
    )


def _pair(
    seen: Keypoints2D, cameras: tuple[Camera, ...], i: int, j: int, real_like: bool
) -> TwoViews:
    two = (cameras[i], cameras[j])
    xy = np.stack([undistort(c, seen.xy_px[k]) for c, k in zip(two, (i, j), strict=True)])
    focal = np.array([c.K[0, 0] for c in two])
    size = float(np.nanmedian(person_size(seen.xy_px[[i, j]]) / focal[:, None]))
    both = np.isfinite(xy).all(axis=(0, -1))
    weight = seen.score[[i, j]][:, both].astype(np.float64).prod(axis=0)
    b_from_a = two[1].cam_from_world @ two[0].cam_from_world.inverse()
    t = b_from_a.t / np.linalg.norm(b_from_a.t)
    return TwoViews(xy[0][both], xy[1][both], weight, THRESHOLD * size, b_from_a.R, t, real_like)
