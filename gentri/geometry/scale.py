"""How long a metre is: from the person's height, a bone, two cameras, or people in general."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gentri.data import FloatArray
from gentri.errors import CalibrationError, UsageError
from gentri.geometry.matching import matched_names
from gentri.geometry.vertical import OFTEN, both, frames_with
from gentri.skeletons import BODY_JOINTS

# Shank 0.246, thigh 0.245 and hip-to-shoulder 0.288 of the stature (Drillis and Contini, "Body
# Segment Parameters", 1966, as reprinted in Winter, Biomechanics, §4.1).
LEGS_AND_TRUNK = 0.779
LEGS_AND_TRUNK_SIGMA = 0.017  # relative, between people
# What detectors add by placing joints of one view alike in all frames: RMS error of legs and trunk
# over 20 real-like scenes (`gentri.synthetic.real_like_noise`), cameras exact.
DETECTED_SIGMA = 0.02  # relative

# Where legs are never seen: hip-to-shoulder as above, upper arm 0.186 and forearm 0.146 of it. Over
# the legs and the trunk that is 0.796; 112 people of motion capture: 0.794 ± 0.012, which comes on
# top of their own spread. Detected in the same scenes: 3.3 % off.
TRUNK_AND_ARM = 0.620
TRUNK_AND_ARM_SIGMA = 0.023
UPPER_DETECTED_SIGMA = 0.033

# Adults of both sexes: means 1.59 m and 1.71 m world-wide (NCD-RisC, eLife 2016), each about
# ± 0.07 m.
POPULATION_STATURE_M = 1.68
POPULATION_SIGMA = 0.055  # relative

# By a scale that is right nobody is smaller or taller: children walk through a volume on purpose
# from the third year on (median 0.91 m at two and a half, WHO Child Growth Standards, 2006), and
# the tallest athletes have 2.3 m. Feet, inches, centimetres and millimetres for metres lie beyond.
PLAUSIBLE_STATURE_M = (0.9, 2.3)

# A tape from lens to lens: it sags, and nobody sees where in the lens the optical centre is.
TAPE_SIGMA = 0.01  # relative
# What either end of a bone errs by, alike in every frame: thighs, shanks, upper arms and forearms
# were 25, 23, 18 and 13 mm wrong in the same scenes.
JOINT_PLACE_M = 0.015

# Bones that keep their length; the sides of the trunk do not.
_BONES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
_BONE_RANGE_M = (0.1, 0.8)
_DISTANCE_RANGE_M = (0.1, 300.0)

_ENTRY = re.compile(r"\s*([^:=]+?)\s*:\s*([^:=]+?)\s*=\s*(\d*\.?\d+)\s*(?:m)?\s*")


@dataclass(frozen=True)
class Stature:
    """Height of the person.

    Attributes:
        metres: standing, without shoes.
    """

    metres: float


@dataclass(frozen=True)
class CameraDistance:
    """Distance between two cameras.

    Attributes:
        cameras: their names.
        metres: from optical centre to optical centre.
    """

    cameras: tuple[str, str]
    metres: float


@dataclass(frozen=True)
class BoneLength:
    """Length of a bone of the person.

    Attributes:
        bones: pairs of joints of `BODY_JOINTS`; the mean counts where there are two.
        metres: from joint to joint.
    """

    bones: tuple[tuple[str, str], ...]
    metres: float


ScaleReference = Stature | CameraDistance | BoneLength


@dataclass(frozen=True)
class Scale:
    """How long a rig unit is.

    Attributes:
        metres: per rig unit.
        source: "stature given", "camera distance given", "bone length given", "camera positions
            given" or "population prior".
        sigma: relative standard deviation.
    """

    metres: float
    source: str
    sigma: float


def parse_camera_distance(text: str) -> CameraDistance:
    """From a text such as "cam01:cam03=4.2".

    Raises:
        UsageError: it is written otherwise.
    """
    example = 'write CAMERA:CAMERA=METRES, such as "cam01:cam03=4.2"'
    one, other, metres = _parts(text, "a distance between two cameras", example)
    low, high = _DISTANCE_RANGE_M
    if one == other or not low <= metres <= high:
        raise UsageError(
            f"{text!r}: two cameras and {low:g} to {high:g} metres between them are needed", example
        )
    return CameraDistance((one, other), metres)


def parse_bone_length(text: str) -> BoneLength:
    """From a text such as "left_hip:left_knee=0.43", or "hip:knee=0.43" for the mean of both sides.

    Raises:
        UsageError: it is written otherwise, or names no bone.
    """
    example = 'write JOINT:JOINT=METRES, such as "hip:knee=0.43" or "left_hip:left_knee=0.43"'
    one, other, metres = _parts(text, "the length of a bone", example)
    sides = ("left_", "right_")
    bones = {(f"{s}{a}", f"{s}{b}"): ((f"{s}{a}", f"{s}{b}"),) for a, b in _BONES for s in sides}
    found = bones | {(a, b): tuple((f"{s}{a}", f"{s}{b}") for s in sides) for a, b in _BONES}
    pairs = found.get((one, other)) or found.get((other, one))
    if pairs is None:
        known = ", ".join(":".join(bone) for bone in _BONES)
        raise UsageError(
            f"{one}:{other} is not a bone of which the length is of use",
            f"known: {known}, of both sides or of one: left_hip:left_knee",
        )
    low, high = _BONE_RANGE_M
    if not low <= metres <= high:
        meant = f"; did you mean {metres / 100:g}?" if low <= metres / 100 <= high else ""
        raise UsageError(f"{text!r}: {low:g} to {high:g} metres are needed{meant}", example)
    return BoneLength(pairs, metres)


def _parts(text: str, what: str, example: str) -> tuple[str, str, float]:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not {what}", example)
    return found[1], found[2], float(found[3])


def scale_of(
    reference: ScaleReference | None,
    cameras: Sequence[str],
    center: FloatArray,
    xyz: FloatArray,
) -> Scale:
    """The length of a unit in which cameras and a person are given.

    Args:
        reference: what is known; None for an average adult.
        cameras: C names.
        center: (C, 3) optical centres.
        xyz: (F, 12, 3) joints of the person meant, in the order of `BODY_JOINTS`; NaN where
            unknown.

    Raises:
        CalibrationError: what is known was never measured.
        UsageError: a camera that does not exist.
    """
    if isinstance(reference, CameraDistance):
        matched = matched_names(reference.cameras, cameras)
        for name in reference.cameras:
            if name not in matched:
                raise UsageError.unknown("camera in the camera distance", name, cameras)
        a, b = (center[list(cameras).index(matched[name])] for name in reference.cameras)
        measured = float(np.linalg.norm(a - b))
        return Scale(reference.metres / measured, "camera distance given", TAPE_SIGMA)
    if isinstance(reference, BoneLength):
        measured = _mean_measured([_length(*_ends(xyz, bone)) for bone in reference.bones])
        bones = " and ".join(":".join(bone) for bone in reference.bones)
        _require_measured(measured, bones, "both ends of this bone")
        sigma = np.sqrt(2) * JOINT_PLACE_M / reference.metres
        return Scale(reference.metres / measured, "bone length given", float(sigma))
    measured, measured_sigma = _measured_stature(xyz)
    _require_measured(
        measured, "the trunk together with legs or arms", "shoulders, hips and elbows, or legs,"
    )
    if reference is not None:
        metres, source, sigma = reference.metres, "stature given", 0.0
    else:
        metres, source, sigma = POPULATION_STATURE_M, "population prior", POPULATION_SIGMA
    return Scale(metres / measured, source, float(np.hypot(measured_sigma, sigma)))


def legs_and_trunk(xyz: FloatArray) -> float:
    """Median shank + thigh + mid-hip to mid-shoulder of (F, 12, 3) joints; NaN when never seen."""
    return _limb(xyz, "ankle", "knee", "hip") + _trunk(xyz)


def trunk_and_arm(xyz: FloatArray) -> float:
    """Median forearm + upper arm + trunk of (F, 12, 3) joints; NaN when never seen."""
    return _limb(xyz, "wrist", "elbow", "shoulder") + _trunk(xyz)


def implied_stature(xyz: FloatArray) -> float:
    """How tall the person of (F, 12, 3) joints is, in their unit; NaN when hardly seen."""
    return _measured_stature(xyz)[0]


def _measured_stature(xyz: FloatArray) -> tuple[float, float]:
    """`implied_stature`, and its relative standard deviation."""
    whole = legs_and_trunk(xyz) / LEGS_AND_TRUNK
    upper = trunk_and_arm(xyz) / TRUNK_AND_ARM
    if np.isfinite(whole) and (_has_legs(xyz) or np.isnan(upper)):
        return whole, float(np.hypot(LEGS_AND_TRUNK_SIGMA, DETECTED_SIGMA))
    return upper, float(np.hypot(TRUNK_AND_ARM_SIGMA, UPPER_DETECTED_SIGMA))


def _has_legs(xyz: FloatArray) -> bool:
    """Whether a whole leg is seen often enough to go by it; see `vertical.has_feet`."""
    left, right = (
        frames_with(xyz, *(f"{s}_{j}" for j in ("hip", "knee", "ankle"))) for s in ("left", "right")
    )
    trunk = frames_with(xyz, *both("hip"), *both("shoulder"))
    return bool((left | right).sum() >= OFTEN * trunk.sum())


def is_plausible(stature_m: float) -> bool:
    """Whether people are so tall; nothing speaks against NaN."""
    low, high = PLAUSIBLE_STATURE_M
    return not (stature_m < low or stature_m > high)


def _ends(xyz: FloatArray, bone: tuple[str, str]) -> tuple[FloatArray, FloatArray]:
    a, b = (xyz[:, BODY_JOINTS.index(joint)] for joint in bone)
    return a, b


def _limb(xyz: FloatArray, end: str, middle: str, root: str) -> float:
    """Both bones of a limb, mean of the sides that were measured."""
    sides = [
        _length(*_ends(xyz, (f"{s}_{end}", f"{s}_{middle}")))
        + _length(*_ends(xyz, (f"{s}_{middle}", f"{s}_{root}")))
        for s in ("left", "right")
    ]
    return _mean_measured(sides)


def _trunk(xyz: FloatArray) -> float:
    return _length(_middle(xyz, "hip"), _middle(xyz, "shoulder"))


def _middle(xyz: FloatArray, part: str) -> FloatArray:
    left, right = _ends(xyz, (f"left_{part}", f"right_{part}"))
    return (left + right) / 2


def _length(a: FloatArray, b: FloatArray) -> float:
    """Median distance of points (F, 3); NaN when never both measured."""
    distance = np.linalg.norm(a - b, axis=-1)
    return float(np.nanmedian(distance)) if np.isfinite(distance).any() else np.nan


def _mean_measured(values: list[float]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else np.nan


def _require_measured(length: float, what: str, film: str) -> None:
    if not np.isfinite(length):
        raise CalibrationError(
            f"no moment shows {what} to two cameras: the size of the person is unknown",
            f"film with {film} in view of at least two cameras, or give the distance between two "
            "cameras (--distance)",
        )
