"""What `triangulation.py` measures beside mean errors."""

import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from calibration_accuracy import options

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.errors import CalibrationError
from gentri.evaluation import EvaluationSet
from gentri.evaluation.methods import INLIER_BOX_SHARE, method
from gentri.evaluation.metrics import procrustes
from gentri.evaluation.synthetic import suite, synthetic_sets
from gentri.geometry.calibration import calibrate_views
from gentri.geometry.cameras import project
from gentri.geometry.world import rig_in_world, world_of_person
from gentri.ransac.estimators import estimator
from gentri.ransac.recording import Recording
from gentri.ransac.triangulate import triangulate
from gentri.ransac.whole_pose import HYPOTHESES, WholePoseScorer
from gentri.skeletons import COCO17
from gentri.synthetic import (
    REAL,
    Clip,
    ObservedTake,
    Walk,
    error_statistics,
    mocap_take,
    observe,
    random_detector,
    random_rig,
    real_like_noise,
)

# A detection that is off by less, share of the person's box, is good: the 90th percentile of real
# ones. Where two of four views are good, the best by rule then errs by 90 to 100 mm, as it did on
# recordings with motion-capture truth.
GOOD_SHARE = 0.06
MIN_ANGLE_DEG = 5.0
TIMED_FRAMES = 1000


def detections_match(clips: tuple[Clip, ...]) -> list[tuple[str, str]]:
    """How the real-like errors compare with those of real detections."""
    found = []
    for seed in range(8):
        rng = np.random.default_rng([5, seed])
        detector, takes = random_detector(rng), []
        for _ in range(4):
            rig, walk = random_rig(rng, 4), mocap_take(rng, clips, seconds=20.0)
            exact = observe(rig, walk)
            noisy = real_like_noise(exact, walk, rig, rng, detector=detector)
            takes.append(ObservedTake(noisy, exact, walk, rig))
        found.append(error_statistics(takes))
    names = ("median", "p90", "p99", "correlation", "constant", "by_azimuth")
    return [
        (f"detections, {name}", f"{np.mean([getattr(f, name) for f in found]):.3f}"
         f" (real: {getattr(REAL, name):.3f})")
        for name in names
    ]  # fmt: skip


def where_two_views_are_good(
    scorer: str | Path, clips: tuple[Clip, ...], quick: bool
) -> tuple[float, dict[str, float]]:
    """Mean error of joints that just two of four views see well: learned over irls."""
    sets = list(synthetic_sets(suite("real-like"), 4, clips, 400 if quick else 4000))
    two = [_good_views(one) == 2 for one in sets]
    means = {}
    for name in ("irls", scorer):
        solve = method(name)
        errors = [
            np.linalg.norm(solve(k, one.rig) - truth, axis=-1)[good]
            for one, good in zip(sets, two, strict=True)
            for k, truth in one.parts()
        ]
        means[str(name)] = 1e3 * float(np.nanmean(np.concatenate(errors)))
    irls, learned = means.values()
    return learned / irls, {**means, "joints": float(sum(good.sum() for good in two))}


def _good_views(one: EvaluationSet) -> FloatArray:
    """Number (T, J) of views whose detection is near the truth."""
    exact = np.stack([project(camera, one.truth) for camera in one.rig.cameras])
    size = np.linalg.norm(np.ptp(exact, axis=2), axis=-1)[..., None]
    away = np.linalg.norm(one.keypoints.xy_px - exact, axis=-1) / size
    return (np.nan_to_num(away, nan=np.inf) < GOOD_SHARE).sum(axis=0)


def on_own_rigs(
    scorer: str | Path, clips: tuple[Clip, ...], takes: int
) -> tuple[float, dict[str, Any]]:
    """Errors on rigs that gentri calibrated less errors on true ones, mm.

    Every take is brought into place by one similarity: what a rig made of people alone cannot know
    does not count.
    """
    solve = method(scorer)
    pairs = []
    for seed in range(takes):
        rng = np.random.default_rng([23, seed])
        rig, walk = random_rig(rng, 4), mocap_take(rng, clips, seconds=15.0)
        exact = observe(rig, walk)
        seen = real_like_noise(exact, walk, rig, rng, detector=random_detector(rng))
        try:
            own = _calibrated(seen)
        except CalibrationError:
            continue
        pairs.append([_placed_error(solve(seen, r), walk) for r in (rig, own)])
    true, estimated = np.mean(pairs, axis=0)
    return float(estimated - true), {"true_mm": true, "own_mm": estimated, "takes": len(pairs)}


def _calibrated(seen: Keypoints2D) -> Rig:
    found = calibrate_views([seen], options(), {})
    world = world_of_person(found.views, found.xyz, None)
    return rig_in_world(found.views, world, seen.cameras, seen.size_px, {})


def _placed_error(xyz: FloatArray, walk: Walk) -> float:
    """Mean distance, mm, after the best similarity of all joints of a take."""
    known = np.isfinite(xyz).all(axis=-1) & np.isfinite(walk.xyz).all(axis=-1)
    a, b = xyz[known][None], walk.xyz[known][None]
    return 1e3 * float(np.linalg.norm(procrustes(a, b) - b, axis=-1).mean())


def foreseen(
    scorer: str | Path, names: Sequence[str], views: Sequence[int], clips: tuple[Clip, ...],
    frames: int,
) -> tuple[float, float, dict[str, float]]:  # fmt: skip
    """How well errors are foreseen on all takes of some suites and numbers of views together.

    Returns:
        Rank correlation of foreseen and true errors; by how much p99 falls without the tenth of
        the joints that is foreseen to be worst; figures.
    """
    file = None if scorer == "learned" else Path(scorer)
    errors, expected = [], []
    for name, count in product(names, views):
        learned = estimator("learned", count, INLIER_BOX_SHARE, MIN_ANGLE_DEG, file)
        for one in synthetic_sets(suite(name), count, clips, frames):
            points = triangulate(
                _recording(one.keypoints, one.rig),
                learned,
                inlier_box_share=1.0,
                min_angle_deg=0.0,
            )
            away = np.linalg.norm(points.xyz[:, 0] - one.truth, axis=-1)
            known = np.isfinite(away) & np.isfinite(points.error_m[:, 0])
            errors.append(away[known])
            expected.append(points.error_m[:, 0][known])
    error, told = np.concatenate(errors), np.concatenate(expected)
    (rank, cut), (most_rank, most_cut) = _order(error, told), _order(_chance(told), told)
    figures = {
        "mean_mm": 1e3 * error.mean(),
        "foreseen_mean_mm": 1e3 * told.mean(),
        "p99_mm": 1e3 * float(np.quantile(error, 0.99)),
        "rank_of_chance": most_rank,
        "cut_of_chance": most_cut,
    }
    return rank, cut, figures


def _order(error: FloatArray, told: FloatArray) -> tuple[float, float]:
    """Rank correlation (N,) of errors and those foreseen; by how much p99 falls without a tenth."""
    ranks = np.argsort(np.argsort([error, told], axis=1), axis=1)
    kept = error[told <= np.quantile(told, 0.9)]
    cut = 1 - np.quantile(kept, 0.99) / np.quantile(error, 0.99)
    return float(np.corrcoef(ranks)[0, 1]), float(cut)


def _chance(told: FloatArray) -> FloatArray:
    """Errors (N,) drawn about those foreseen: three normal numbers of exactly that size each."""
    drawn = np.linalg.norm(np.random.default_rng(0).normal(size=(len(told), 3)), axis=1)
    return told * drawn / drawn.mean()


def _recording(keypoints: Keypoints2D, rig: Rig) -> Recording:
    return Recording(
        rig, keypoints.xy_px[:, :, None], keypoints.score[:, :, None], keypoints.time_s, COCO17
    )


def speeds(scorer: str | Path, clips: tuple[Clip, ...]) -> tuple[dict[int, float], float]:
    """Frames per second on one thread by number of views; times the procedure of 2022, V = 4."""
    file = None if scorer == "learned" else Path(scorer)
    rates = {}
    for views in (4, 8):
        one = _long_take(clips, views)
        learned = estimator("learned", views, INLIER_BOX_SHARE, MIN_ANGLE_DEG, file)
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            triangulate(
                _recording(one.keypoints, one.rig),
                learned,
                inlier_box_share=INLIER_BOX_SHARE,
                min_angle_deg=MIN_ANGLE_DEG,
            )
            taken.append(time.perf_counter() - start)
        rates[views] = len(one.keypoints.time_s) / min(taken)
    return rates, rates[4] / procedure_of_2022(_long_take(clips, 4))


def _long_take(clips: tuple[Clip, ...], views: int) -> EvaluationSet:
    """Frames of one rig: a take, over and over."""
    one = next(iter(synthetic_sets(suite("sketch"), views, clips, 100)))
    times = -(-TIMED_FRAMES // len(one.keypoints.time_s))
    xy, score = (np.tile(a, (1, times, *[1] * (a.ndim - 2))) for a in _arrays(one.keypoints))
    time_s = np.arange(xy.shape[1]) / 10.0
    keypoints = Keypoints2D(xy, score, time_s, one.rig.names, one.keypoints.size_px, COCO17)
    clip, truth = np.zeros(len(time_s), np.int32), np.tile(one.truth, (times, 1, 1))
    return EvaluationSet(one.name, one.rig, keypoints, truth, clip)


def _arrays(keypoints: Keypoints2D) -> Sequence[FloatArray]:
    return keypoints.xy_px, keypoints.score


def procedure_of_2022(one: EvaluationSet, frames: int = 3) -> float:
    """Frames per second of the published procedure: hypotheses joint by joint, then the network.

    For each of 200 whole poses and each joint a random subset of the views is triangulated by DLT,
    as in section 3.2 of the paper; weights do not matter for the time.
    """
    P = np.stack([c.K @ np.c_[c.cam_from_world.R, c.cam_from_world.t] for c in one.rig.cameras])
    shown = np.flatnonzero(np.isfinite(one.keypoints.xy_px).all(axis=(0, 2, 3)))[:frames]
    rng, network = np.random.default_rng(0), WholePoseScorer(COCO17.name).eval()
    ends = torch.from_numpy(COCO17.limb_indices)
    start = time.perf_counter()
    for tick in shown:
        poses = np.stack([_random_pose(P, one.keypoints.xy_px[:, tick], rng)
                          for _ in range(HYPOTHESES)])  # fmt: skip
        with torch.no_grad():
            score = network(torch.from_numpy(poses).float(), ends).numpy()
        np.average(poses, axis=0, weights=score)
    return len(shown) / (time.perf_counter() - start)


def _random_pose(P: FloatArray, xy: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Each joint (J, 3) from a random subset of the views (C, J, 2)."""
    pose = np.empty((xy.shape[1], 3))
    for joint in range(xy.shape[1]):
        count = int(rng.integers(2, len(P) + 1))
        chosen = rng.choice(len(P), count, replace=False)
        u, v = xy[chosen, joint, 0, None], xy[chosen, joint, 1, None]
        A = np.concatenate([u * P[chosen, 2] - P[chosen, 0], v * P[chosen, 2] - P[chosen, 1]])
        X = np.linalg.svd(A)[2][-1]
        pose[joint] = X[:3] / X[3]
    return pose


def held_out(keypoints: Keypoints2D, rig: Rig, solve: Any) -> FloatArray:
    """Distances, px, of detections from what all other views say: (C, T, J)."""
    errors = []
    for left_out, name in enumerate(rig.names):
        others = tuple(n for n in rig.names if n != name)
        at = [rig.names.index(n) for n in others]
        seen = Keypoints2D(
            keypoints.xy_px[at], keypoints.score[at], keypoints.time_s, others,
            keypoints.size_px[at], keypoints.skeleton,
        )  # fmt: skip
        xyz = solve(seen, rig.select(others))
        projected = project(rig.cameras[left_out], xyz)
        errors.append(np.linalg.norm(projected - keypoints.xy_px[left_out], axis=-1))
    return np.stack(errors)
