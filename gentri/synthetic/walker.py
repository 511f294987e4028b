"""A walking person whose every limb keeps its length."""

from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray
from gentri.skeletons import COCO17

# Segment lengths and half breadths as shares of stature: Drillis and Contini (1966), as printed in
# Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1. Half breadths are moved in
# from the outline of the body to the joint centres.
PROPORTIONS = {
    "trunk": 0.288,
    "thigh": 0.245,
    "shank": 0.246,
    "upper_arm": 0.186,
    "forearm": 0.146,
    "half_hips": 0.052,
    "half_shoulders": 0.110,
}
ANKLE_HEIGHT = 0.039  # share of stature, same figure
PROPORTION_SIGMA = 0.03  # spread of each proportion between people, relative

# Points of the face from the middle of the shoulders: forward, left, up, as shares of stature.
FACE = {
    "nose": (0.065, 0.0, 0.095),
    "left_eye": (0.055, 0.018, 0.115),
    "left_ear": (0.005, 0.043, 0.105),
}

STRIDE = 0.83  # length of a full gait cycle as a share of stature (Winter, natural cadence)
LAP_S = 10.5  # one round of the figure of eight: 0.7–1.3 m/s with the spans below
SPAN_M = (1.6, 0.7)  # half extents of the figure of eight
MARCH_HZ = 0.9  # gait cycles per second on the spot

X, Y, Z = 0, 1, 2  # axes: forward, left, up in the body; the world has z up as well


@dataclass(frozen=True, eq=False)
class Walk:
    """The true motion of one person.

    Attributes:
        xyz: (T, J, 3) float64, metres, joints of COCO-17, floor at z = 0.
        time_s: (T,) float64.
        stature_m: body height.
    """

    xyz: FloatArray
    time_s: FloatArray
    stature_m: float


def walk(
    rng: np.random.Generator,
    ticks: int = 100,
    *,
    fps: float = 10.0,
    stature_m: float = 1.75,
    on_the_spot: bool = False,
) -> Walk:
    """A person walking a figure of eight of about 3.2 × 1.4 m around the origin.

    The seed varies proportions, path, phase and how the arms move. All limbs of COCO-17 keep their
    length exactly; the lower ankle stays at ankle height.

    Args:
        rng: source of all variation.
        ticks: number of frames T.
        fps: frames per second.
        stature_m: body height, before the spread of proportions.
        on_the_spot: march in one place instead (a degenerate scene for calibration).
    """
    time_s = np.arange(ticks) / fps
    spread = 1 + PROPORTION_SIGMA * rng.normal(size=len(PROPORTIONS))
    body = {
        part: stature_m * v * s for (part, v), s in zip(PROPORTIONS.items(), spread, strict=True)
    }
    if on_the_spot:
        xy, heading, cycles = _march(rng, time_s)
    else:
        xy, heading, cycles = _figure_of_eight(rng, time_s, STRIDE * stature_m)
    phase = 2 * np.pi * (cycles + rng.uniform())
    xyz = _body_motion(rng, body, phase, time_s, stature_m) @ _about(Z, heading).swapaxes(-1, -2)
    ankles = [COCO17.index("left_ankle"), COCO17.index("right_ankle")]
    xyz[..., :2] += xy[:, None]
    xyz[..., 2] += ANKLE_HEIGHT * stature_m - xyz[:, ankles, 2].min(axis=1, keepdims=True)
    return Walk(xyz, time_s, stature_m)


def _figure_of_eight(
    rng: np.random.Generator, time_s: FloatArray, stride_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ground path (T, 2), heading (T,) and gait cycles walked (T,), on a Gerono lemniscate."""
    turn = 2 * np.pi * rng.choice([-1.0, 1.0]) / LAP_S
    lap = rng.uniform(0.0, 2 * np.pi) + turn * time_s
    a, b = np.array(SPAN_M) * rng.uniform(0.85, 1.15, 2)
    path = np.stack([a * np.sin(lap), b * np.sin(2 * lap)], axis=-1)
    velocity = turn * np.stack([a * np.cos(lap), 2 * b * np.cos(2 * lap)], axis=-1)
    yaw = rng.uniform(0.0, 2 * np.pi)
    c, s = np.cos(yaw), np.sin(yaw)
    steps_m = np.linalg.norm(np.diff(path, axis=0), axis=-1)
    cycles = np.concatenate([[0.0], np.cumsum(steps_m)]) / stride_m
    heading = yaw + np.arctan2(velocity[:, 1], velocity[:, 0])
    return path @ np.array([[c, s], [-s, c]]) + rng.uniform(-0.2, 0.2, 2), heading, cycles


def _march(
    rng: np.random.Generator, time_s: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As `_figure_of_eight`, for a person who stays in one place and looks around a little."""
    sway = 0.2 * np.sin(2 * np.pi * (0.2 * time_s + rng.uniform()))
    xy = np.broadcast_to(rng.uniform(-0.3, 0.3, 2), (len(time_s), 2))
    return xy, rng.uniform(0.0, 2 * np.pi) + sway, MARCH_HZ * time_s


def _body_motion(
    rng: np.random.Generator,
    body: dict[str, float],
    phase: FloatArray,
    time_s: FloatArray,
    stature_m: float,
) -> FloatArray:
    """Joints (T, 17, 3) about the middle of the hips, facing x, from gait phase (T,) in radians."""
    joints: dict[str, FloatArray] = {}
    trunk = _about(Y, 0.08 + 0.03 * np.sin(2 * phase)) @ _about(X, 0.04 * np.sin(phase))
    gaze = trunk @ _about(Z, 0.3 * np.sin(0.9 * time_s + rng.uniform(0.0, 6.28)))
    stride_angle, arm_swing = rng.uniform(0.35, 0.5), rng.uniform(0.4, 0.8)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        p = phase if side == "left" else phase + np.pi
        hip = trunk @ np.array([0.0, sign * body["half_hips"], 0.0])
        thigh = stride_angle * np.sin(p)
        knee = hip + body["thigh"] * _hanging(thigh, 0.0)
        bend = 0.1 + 0.45 * (1 + np.cos(p + 0.3))  # largest while the leg swings forward
        joints[f"{side}_hip"], joints[f"{side}_knee"] = hip, knee
        joints[f"{side}_ankle"] = knee + body["shank"] * _hanging(thigh - bend, 0.0)
        shoulder = trunk @ np.array([0.0, sign * body["half_shoulders"], body["trunk"]])
        spread = sign * (0.5 + 0.4 * np.sin(rng.uniform(0.5, 1.2) * time_s + rng.uniform(0, 6.28)))
        swing = -arm_swing * np.sin(p)
        elbow = shoulder + body["upper_arm"] * _hanging(swing, spread)
        joints[f"{side}_shoulder"], joints[f"{side}_elbow"] = shoulder, elbow
        flexed = swing + 0.6 + 0.3 * np.sin(p + 2.5)
        joints[f"{side}_wrist"] = elbow + body["forearm"] * _hanging(flexed, spread)
    neck = trunk @ np.array([0.0, 0.0, body["trunk"]])
    for name, (forward, left, up) in FACE.items():
        for side, sign in (("left", 1.0), ("right", -1.0)):
            offset = stature_m * np.array([forward, sign * left, up])
            joints[name.replace("left", side)] = neck + gaze @ offset
    return np.stack([joints[name] for name in COCO17.joints], axis=1)


def _hanging(flexion: FloatArray, abduction: FloatArray | float) -> FloatArray:
    """Unit vectors (T, 3) that hang straight down, swung forward and then to the left, radians."""
    down = np.cos(abduction) * np.cos(flexion)
    return np.stack([np.cos(abduction) * np.sin(flexion), np.sin(abduction) + 0 * down, -down], -1)


def _about(axis: int, angle: FloatArray) -> FloatArray:
    """Rotations (T, 3, 3) by `angle` (T,) radians about a coordinate axis."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    R = np.zeros((*angle.shape, 3, 3))
    R[..., axis, axis] = 1.0
    R[..., i, i] = R[..., j, j] = np.cos(angle)
    R[..., j, i] = np.sin(angle)
    R[..., i, j] = -R[..., j, i]
    return R
