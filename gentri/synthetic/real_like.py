"""Errors as real detections have them: biased by view and joint, slow, with lighter tails.

Held against recordings with motion-capture truth, most of a detector's error is not noise: it stays
with a joint and a view for a whole take, it follows the side from which the person is seen, and the
rest changes slowly. `error_statistics` measures these shares; the constants below were set so that
it finds what `REAL` says.
"""

from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.geometry.cameras import project
from gentri.skeletons import COCO17
from gentri.synthetic.bodies import headings
from gentri.synthetic.occlusion import behind_torso
from gentri.synthetic.sketch import person_size, with_mistakes
from gentri.synthetic.walker import Walk

# Root mean square of the parts of the error, per axis, shares of the person's box diagonal.
CONSTANT = 0.0065  # of a take, view and joint
BY_AZIMUTH = 0.006  # of a detector and joint, a function of the side from which it is seen
SLOW = 0.007  # fades over time
FAST = 0.002  # new in every frame
LAPSE = 0.08  # slow as well, on top, of joints out of sight and of others for a while
SLOW_CORRELATION = 0.9  # of the slow parts over 0.1 s
LAPSES = 1.2  # sigmas of slow noise that make a lapse: 12 % of the joints
CALM_S, RESTLESS = 1.0, 0.7  # the slow part grows and shrinks: time constant, sigma of its log
SWAPS, OUTLIERS = 0.005, 0.005  # per limb and view, per joint and view
HARMONICS = (1, 2)  # of the azimuth
# Points of the face are pictures, not places: another side, another point. Measured only as harm:
# calibration from recordings gets worse with them.
FACE_FACTOR = 2.5

# How far a detector's idea of a joint lies from the motion capture's, in the body, metres.
DEFINITION_M = {"hip": 0.04, "shoulder": 0.03, "ankle": 0.03}
DEFINITION_ELSE_M = 0.015


@dataclass(frozen=True, eq=False)
class Detector:
    """The lasting habits of a detector, symmetric between left and right.

    Attributes:
        shift_m: (17, 3) of each joint in the body: forward, left, up.
        waves: (17, 2, H, 2) image error by joint, axis, harmonic of the azimuth, cosine and sine,
            shares of the person's box diagonal.
    """

    shift_m: FloatArray
    waves: FloatArray


def random_detector(rng: np.random.Generator) -> Detector:
    """A detector with habits of the usual size."""
    joints, mirror = len(COCO17), COCO17.mirror
    length = [
        next((v for part, v in DEFINITION_M.items() if j.endswith(part)), DEFINITION_ELSE_M)
        for j in COCO17.joints
    ]
    shift = rng.normal(size=(joints, 3))
    shift = shift + shift[mirror] * [1.0, -1.0, 1.0]
    shift *= np.array(length)[:, None] / np.linalg.norm(shift, axis=-1, keepdims=True)
    waves = rng.normal(size=(joints, 2, len(HARMONICS), 2))
    # Seen from the other side, the other joint errs the other way.
    opposite = np.array([-1.0, 1.0])[:, None, None] * np.array([1.0, -1.0])
    waves = (waves + opposite * waves[mirror]) / np.sqrt(2)
    face = ~np.isin(np.arange(joints), COCO17.body)
    waves *= np.where(face, FACE_FACTOR, 1.0)[:, None, None, None]
    return Detector(shift, waves * BY_AZIMUTH / np.sqrt(len(HARMONICS)))


def real_like_noise(
    exact: Keypoints2D,
    walk: Walk,
    rig: Rig,
    rng: np.random.Generator,
    *,
    detector: Detector | None = None,
    strength: float = 1.0,
) -> Keypoints2D:
    """Exact keypoints with the errors of real detections and scores by kind of error.

    Args:
        exact: from `observe`.
        walk: the motion that was observed.
        rig: the cameras that observed it.
        rng: source of all errors.
        detector: its habits, the same for all takes that one detector has seen; drawn where None.
        strength: multiplies all errors but gross mistakes.
    """
    detector = random_detector(rng) if detector is None else detector
    hidden = behind_torso(rig, walk.xyz)
    share = _constant(rng, exact) + by_azimuth(detector, rig, walk)
    share = share + _slow(rng, exact, SLOW) + FAST * rng.normal(size=exact.xy_px.shape)
    step_s = _step_s(exact)
    lapse = remembering(rng, hidden.shape, SLOW_CORRELATION ** (step_s / 0.1)) > LAPSES
    share = share + (hidden | lapse)[..., None] * _slow(rng, exact, LAPSE)
    error = share * person_size(exact.xy_px)[..., None, None] + redefined(detector, rig, walk)
    xy = exact.xy_px + strength * error
    return with_mistakes(exact, xy, hidden, rng, swaps=SWAPS, outliers=OUTLIERS)


def _constant(rng: np.random.Generator, exact: Keypoints2D) -> FloatArray:
    views, _, joints, _ = exact.xy_px.shape
    return CONSTANT * rng.normal(size=(views, 1, joints, 2))


def by_azimuth(detector: Detector, rig: Rig, walk: Walk) -> FloatArray:
    """Error (C, T, 17, 2) that depends on the side from which the person is seen."""
    middle = walk.xyz.mean(axis=1)
    center = np.array([c.center for c in rig.cameras])
    to_camera = center[:, None] - middle
    azimuth = np.arctan2(to_camera[..., 1], to_camera[..., 0]) - headings(walk.xyz)
    angle = azimuth[..., None] * np.array(HARMONICS)
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.einsum("cthk,jahk->ctja", basis, detector.waves)


def _slow(rng: np.random.Generator, exact: Keypoints2D, size: float) -> FloatArray:
    """Error (C, T, J, 2) of fading memory and this size, sometimes larger for a while."""
    views, ticks, joints, _ = exact.xy_px.shape
    step_s = _step_s(exact)
    noise = remembering(rng, (views, ticks, joints, 2), SLOW_CORRELATION ** (step_s / 0.1))
    mood = remembering(rng, (views, ticks, joints, 1), np.exp(-step_s / CALM_S))
    return size * noise * np.exp(RESTLESS * mood - RESTLESS**2)


def _step_s(exact: Keypoints2D) -> float:
    return float(np.median(np.diff(exact.time_s))) if len(exact.time_s) > 1 else 0.1


def remembering(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> FloatArray:
    """Unit Gaussian noise, axis 1 is time, with this correlation from one tick to the next."""
    out = rng.normal(size=shape)
    for t in range(1, shape[1]):
        out[:, t] = correlation * out[:, t - 1] + np.sqrt(1 - correlation**2) * out[:, t]
    return out


def redefined(detector: Detector, rig: Rig, walk: Walk) -> FloatArray:
    """Pixels (C, T, 17, 2) between a detector's joints and the true ones."""
    heading = headings(walk.xyz)
    c, s = np.cos(heading), np.sin(heading)
    forward, left, up = detector.shift_m.T
    shift = np.stack(
        [
            c[:, None] * forward - s[:, None] * left,
            s[:, None] * forward + c[:, None] * left,
            np.broadcast_to(up, (len(heading), len(up))),
        ],
        axis=-1,
    )
    return np.stack([project(v, walk.xyz + shift) - project(v, walk.xyz) for v in rig.cameras])
