"""Relative rotation of two cameras with known lenses by every method, on the same scenes."""

import time
from dataclasses import replace

import baselines
import numpy as np
from calibration_scenes import Condition, estimate, make, thinned

from gentri.data import FloatArray
from gentri.geometry.cameras import undistort
from gentri.geometry.comparison import compare_rigs, rotation_angle
from gentri.ransac.learned_two_view import learned_solver
from gentri.ransac.two_view_scenes import TEST_SUBJECTS, THRESHOLD
from gentri.synthetic.sketch import person_size

TWO_VIEWS = Condition("two views", views=2, seconds=30.0, known=True)
# People whom the network of "learned choice" was not trained on; it was on some of the others.
UNSEEN = replace(TWO_VIEWS, name="people unseen", people=TEST_SUBJECTS)
CONDITIONS = {condition.name: condition for condition in (TWO_VIEWS, UNSEEN)}
FRAMES = 50

# Title and name; "gentri, pair" is where "gentri, calibrate" starts.
METHODS = (
    ("8-point", "eight_point"),
    ("2022 loop", "loop"),
    ("2022 loop, tuned", "tuned_loop"),
    ("OpenCV RANSAC", "ransac"),
    ("OpenCV MAGSAC", "magsac"),
    ("OpenCV USAC_ACCURATE", "usac_accurate"),
    ("PoseLib", "poselib"),
    ("learned choice, refined", "learned"),
    ("gentri, pair", "refined"),
    ("gentri, calibrate", "gentri"),
)
# Those of them that are also shown on people unseen.
ON_UNSEEN = ("loop", "tuned_loop", "learned", "refined", "gentri")


def trial(job: tuple[str, str, int]) -> tuple[float, float]:
    """Rotation error, degrees (NaN when nothing was found), and seconds of one method."""
    condition, method, seed = job
    scene = make(CONDITIONS[condition], seed)
    scene = replace(scene, takes=(thinned(scene.takes[0], FRAMES),))
    seen, cameras = scene.takes[0], scene.truth.cameras
    start = time.perf_counter()
    if method == "gentri":
        error = float(compare_rigs(estimate(scene), scene.truth).rotation_deg[0])
        return error, time.perf_counter() - start
    xy = np.stack([undistort(c, v) for c, v in zip(cameras, seen.xy_px, strict=True)])
    focal = np.array([c.K[0, 0] for c in cameras])
    size = float(np.nanmedian(person_size(seen.xy_px) / focal[:, None]))
    both = np.isfinite(xy).all(axis=(0, -1))
    a, b = xy[0][both], xy[1][both]
    weight = seen.score[:, both].astype(np.float64).prod(axis=0)
    R = _rotation(method, a, b, size, weight, seed)
    seconds = time.perf_counter() - start
    a_world, b_world = (c.cam_from_world.R for c in cameras)
    truth = b_world @ a_world.T
    return (np.nan if R is None else float(np.degrees(rotation_angle(R.T @ truth)))), seconds


def _rotation(
    method: str, a: FloatArray, b: FloatArray, size: float, weight: FloatArray, seed: int
) -> FloatArray | None:
    if method == "eight_point":
        return baselines.eight_point(a, b)
    if method == "loop":
        return baselines.ray_distance_loop(a, b, seed)
    if method == "tuned_loop":
        return baselines.ray_distance_loop(a, b, seed, **baselines.TUNED)
    if method == "learned":
        pose = learned_solver()(a, b, THRESHOLD * size, seed, weight)
        return None if pose is None else pose.R
    return baselines.robust(method, a, b, size, weight, seed)
