"""Scenes that a rig comes out of badly, in six ways, and scenes that it comes out of well."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gentri import synthetic
from gentri.data import Keypoints2D, Rig, Rigid3

CLIPS = Path(__file__).parents[1] / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
FPS = 20.0
LATE_S = 0.3


@dataclass(frozen=True, eq=False)
class Scene:
    """Truth and what the detector made of it.

    Attributes:
        truth: cameras (before a knock).
        keypoints: of the person.
        known: focal lengths are given.
        what: particulars, for the record.
    """

    truth: Rig
    keypoints: Keypoints2D
    known: bool
    what: dict[str, Any]


@cache
def clips() -> tuple[synthetic.Clip, ...]:
    """Read once per process."""
    return synthetic.read_clips(CLIPS)


def seen(
    rng: np.random.Generator, rig: Rig, real_like: bool, *, moving: bool = True
) -> tuple[Keypoints2D, Keypoints2D]:
    """Exact and detected keypoints of a take of 20 to 30 s."""
    walk = synthetic.mocap_take(
        rng, clips(), seconds=rng.uniform(20.0, 30.0), fps=FPS, moving=moving
    )
    exact = synthetic.observe(rig, walk)
    noise = synthetic.real_like_noise if real_like else synthetic.sketch_noise
    return exact, noise(exact, walk, rig, rng)


def good(rng: np.random.Generator, real_like: bool) -> Scene:
    """Everything as it should be."""
    count = int(rng.integers(2, 9))
    rig = synthetic.random_rig(rng, count)
    return Scene(rig, seen(rng, rig, real_like)[1], count == 2, {"cameras": count})


def on_the_spot(rng: np.random.Generator, real_like: bool) -> Scene:
    """The person stays in one place."""
    count = int(rng.integers(2, 9))
    rig = synthetic.random_rig(rng, count)
    return Scene(rig, seen(rng, rig, real_like, moving=False)[1], False, {"cameras": count})


def in_line(rng: np.random.Generator, azimuth_deg: np.ndarray) -> Rig:
    """Cameras at given azimuths about the person, at eye level."""
    rig = synthetic.random_ring(rng, len(azimuth_deg))
    cameras = []
    for camera, azimuth in zip(rig.cameras, np.radians(azimuth_deg), strict=True):
        radius, height = rng.uniform(3.5, 6.5), rng.uniform(1.2, 1.8)
        center = (radius * np.cos(azimuth), radius * np.sin(azimuth), height)
        pose = synthetic.look_at(center, (0.0, 0.0, 0.9))
        cameras.append(replace(camera, cam_from_world=pose))
    return replace(rig, cameras=tuple(cameras))


def parallel(rng: np.random.Generator, real_like: bool) -> Scene:
    """Two to four cameras side by side, within 6° as the person sees them."""
    count = int(rng.integers(2, 5))
    wide = rng.uniform(1.0, 6.0)
    rig = in_line(rng, rng.uniform(0, 360) + np.linspace(0.0, wide, count))
    what = {"cameras": count, "within_deg": wide}
    return Scene(rig, seen(rng, rig, real_like)[1], False, what)


def opposite(rng: np.random.Generator, real_like: bool) -> Scene:
    """Two cameras face to face, within 6°."""
    off = rng.uniform(-6.0, 6.0)
    rig = in_line(rng, rng.uniform(0, 360) + np.array([0.0, 180.0 + off]))
    return Scene(rig, seen(rng, rig, real_like)[1], False, {"cameras": 2, "off_deg": off})


def apart(rng: np.random.Generator, real_like: bool) -> Scene:
    """Cameras that never see the person together with the others, or see somebody else."""
    count = int(rng.integers(2, 9))
    rig = synthetic.random_rig(rng, count)
    keypoints = seen(rng, rig, real_like)[1]
    xy, score, time_s = keypoints.xy_px.copy(), keypoints.score.copy(), keypoints.time_s
    half = xy.shape[1] // 2
    alone = rng.permutation(count)[: 1 if rng.uniform() < 0.5 else max(count // 2, 1)]
    others = np.setdiff1d(np.arange(count), alone)
    somebody_else = bool(rng.uniform() < 0.25)
    if somebody_else:
        other = seen(rng, rig, real_like)[1]
        ticks = min(len(other.time_s), len(keypoints.time_s))
        xy, score, time_s = xy[:, :ticks], score[:, :ticks], time_s[:ticks]
        xy[alone[0]], score[alone[0]] = (v[alone[0], :ticks] for v in (other.xy_px, other.score))
    else:
        for views, gone in ((alone, slice(half)), (others, slice(half, None))):
            for c in views:
                xy[c, gone], score[c, gone] = np.nan, np.nan
    what = {"cameras": count, "alone": len(alone), "somebody_else": somebody_else}
    return Scene(rig, replace(keypoints, xy_px=xy, score=score, time_s=time_s), False, what)


def late(rng: np.random.Generator, real_like: bool) -> Scene:
    """One camera 0.3 s late or early."""
    count = int(rng.integers(2, 9))
    rig = synthetic.random_rig(rng, count)
    keypoints = seen(rng, rig, real_like)[1]
    c, sign = int(rng.integers(count)), int(rng.choice([-1, 1]))
    return Scene(
        rig,
        delayed(keypoints, c, sign * LATE_S),
        count == 2 and bool(rng.uniform() < 0.5),
        {"cameras": count, "camera": c, "late_s": sign * LATE_S},
    )


def delayed(keypoints: Keypoints2D, camera: int, late_s: float) -> Keypoints2D:
    """One camera shows everything later than the others."""
    step = round(late_s / float(np.median(np.diff(keypoints.time_s))))
    inner = np.arange(abs(step), len(keypoints.time_s) - abs(step))
    xy, score = keypoints.xy_px[:, inner], keypoints.score[:, inner]
    xy[camera], score[camera] = (
        v[camera, inner - step] for v in (keypoints.xy_px, keypoints.score)
    )
    return replace(keypoints, xy_px=xy, score=score, time_s=keypoints.time_s[inner])


def knocked(rng: np.random.Generator, real_like: bool) -> Scene:
    """One camera turned by 2 to 10° and moved by 5 to 30 cm, half way through."""
    from scipy.spatial.transform import Rotation

    count = int(rng.integers(2, 9))
    rig = synthetic.random_rig(rng, count)
    c = int(rng.integers(count))
    axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    angle, way_m = np.radians(rng.uniform(2.0, 10.0)), rng.uniform(0.05, 0.3)
    camera = rig.cameras[c]
    R = Rotation.from_rotvec(angle * axis).as_matrix() @ camera.cam_from_world.R
    pose = Rigid3(R, -R @ (camera.center + way_m * way))
    cameras = tuple(
        replace(x, cam_from_world=pose) if i == c else x for i, x in enumerate(rig.cameras)
    )
    walk = synthetic.mocap_take(rng, clips(), seconds=rng.uniform(20.0, 30.0), fps=FPS)
    before, after = (synthetic.observe(r, walk) for r in (rig, replace(rig, cameras=cameras)))
    noise = synthetic.real_like_noise if real_like else synthetic.sketch_noise
    detected = noise(before, walk, rig, rng)
    half = int(rng.uniform(0.35, 0.65) * len(walk.time_s))
    xy = detected.xy_px.copy()
    xy[c, half:] += after.xy_px[c, half:] - before.xy_px[c, half:]  # NaN where unseen in either
    score = np.where(np.isfinite(xy[..., 0]), detected.score, np.nan).astype(np.float32)
    what = {
        "cameras": count,
        "camera": c,
        "time_s": walk.time_s[half],
        "deg": np.degrees(angle),
        "m": way_m,
    }
    known = count == 2 and bool(rng.uniform() < 0.5)
    return Scene(rig, replace(detected, xy_px=xy, score=score), known, what)
