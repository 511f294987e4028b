"""Named joint sets. Joints are mapped between sets by name, never by position."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gentri.errors import UsageError

# Joints whose detections mark one anatomical point in every view. Eyes, ears and nose are image
# features of the face that different views see differently (method: they stay out of E).
BODY_JOINTS = tuple(
    f"{side}_{part}"
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)


@dataclass(frozen=True)
class Skeleton:
    """A joint set.

    Attributes:
        name: its name in settings and files.
        joints: joint names in storage order.
        limbs: pairs of joint names, drawn as bones; rigid ones among them keep their length.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Storage position of a joint by name; ValueError when absent."""
        return self.joints.index(joint)

    @cached_property
    def limb_indices(self) -> NDArray[np.int64]:
        """Limbs as joint positions, shape (L, 2)."""
        return np.array([[self.index(a), self.index(b)] for a, b in self.limbs], dtype=np.int64)

    @cached_property
    def mirror(self) -> NDArray[np.int64]:
        """Position of each joint's left/right counterpart, (J,); itself where there is none."""
        others = [_other_side(joint) for joint in self.joints]
        places = [i if o not in self.joints else self.index(o) for i, o in enumerate(others)]
        return np.array(places, dtype=np.int64)

    @cached_property
    def body(self) -> NDArray[np.int64]:
        """Positions of shoulders, elbows, wrists, hips, knees, ankles, in that order, (12,)."""
        return np.array([self.index(j) for j in BODY_JOINTS if j in self.joints], dtype=np.int64)


def _other_side(joint: str) -> str:
    if joint.startswith("left_"):
        return "right_" + joint[5:]
    if joint.startswith("right_"):
        return "left_" + joint[6:]
    return joint


def _pairs(*parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts for side in ("left", "right"))


_COCO_JOINTS = ("nose", *_pairs("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))

_TRUNK_AND_LIMBS = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("shoulder", "hip"),
            ("hip", "knee"),
            ("knee", "ankle"),
        )
    ),
)

_FACE_LIMBS = (
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
)

_FEET_BY_SIDE = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")
)

_FOOT_LIMBS = tuple((f"{joint.partition('_')[0]}_ankle", joint) for joint in _FEET_BY_SIDE)

COCO17 = Skeleton("coco17", _COCO_JOINTS, _TRUNK_AND_LIMBS + _FACE_LIMBS)

HALPE26 = Skeleton(
    "halpe26",
    (*_COCO_JOINTS, "head", "neck", "hip", *_pairs("big_toe", "small_toe", "heel")),
    (*_TRUNK_AND_LIMBS, *_FACE_LIMBS, *_FOOT_LIMBS, ("head", "neck"), ("neck", "hip")),
)

WHOLEBODY133 = Skeleton(
    "wholebody133",
    (
        *_COCO_JOINTS,
        *_FEET_BY_SIDE,
        *(f"face_{i}" for i in range(68)),
        *(f"{side}_hand_{i}" for side in ("left", "right") for i in range(21)),
    ),
    (*_TRUNK_AND_LIMBS, *_FACE_LIMBS, *_FOOT_LIMBS),
)

# OpenPose's own order (poseParameters.cpp, POSE_BODY_25_BODY_PARTS); Neck is the middle of the
# shoulders and MidHip that of the hips, as in Halpe-26.
BODY25 = Skeleton(
    "body25",
    (
        *("nose", "neck"),
        *("right_shoulder", "right_elbow", "right_wrist"),
        *("left_shoulder", "left_elbow", "left_wrist"),
        "hip",
        *("right_hip", "right_knee", "right_ankle"),
        *("left_hip", "left_knee", "left_ankle"),
        *("right_eye", "left_eye", "right_ear", "left_ear"),
        *_FEET_BY_SIDE,
    ),
    (*_TRUNK_AND_LIMBS, *_FACE_LIMBS, *_FOOT_LIMBS, ("nose", "neck"), ("neck", "hip")),
)

# OpenPose's experimental model (POSE_BODY_25B_BODY_PARTS): COCO, then neck and head as MPII
# annotates them, then the feet.
BODY25B = Skeleton(
    "body25b",
    (*_COCO_JOINTS, "upper_neck", "head", *_FEET_BY_SIDE),
    (*_TRUNK_AND_LIMBS, *_FACE_LIMBS, *_FOOT_LIMBS, ("upper_neck", "head")),
)

# MPII Human Pose, as its annotations are ordered; its pelvis and head top are Halpe's hip and head.
MPII16 = Skeleton(
    "mpii16",
    (
        *("right_ankle", "right_knee", "right_hip"),
        *("left_hip", "left_knee", "left_ankle"),
        *("hip", "thorax", "upper_neck", "head"),
        *("right_wrist", "right_elbow", "right_shoulder"),
        *("left_shoulder", "left_elbow", "left_wrist"),
    ),
    (*_TRUNK_AND_LIMBS, ("hip", "thorax"), ("thorax", "upper_neck"), ("upper_neck", "head")),
)

# The 17 joints of Human3.6M that the field evaluates on; its feet are the ankles.
H36M17 = Skeleton(
    "h36m17",
    (
        "hip",
        *("right_hip", "right_knee", "right_ankle"),
        *("left_hip", "left_knee", "left_ankle"),
        *("spine", "thorax", "neck_base", "head"),
        *("left_shoulder", "left_elbow", "left_wrist"),
        *("right_shoulder", "right_elbow", "right_wrist"),
    ),
    (
        *_TRUNK_AND_LIMBS,
        *(("hip", "spine"), ("spine", "thorax")),
        *(("thorax", "neck_base"), ("neck_base", "head")),
    ),
)

SKELETONS = {s.name: s for s in (COCO17, HALPE26, WHOLEBODY133, BODY25, BODY25B, MPII16, H36M17)}


def skeleton(name: str) -> Skeleton:
    """The joint set of this name.

    Raises:
        UsageError: no such set.
    """
    if name not in SKELETONS:
        raise UsageError(f"no skeleton is named {name!r}", f"known: {', '.join(SKELETONS)}")
    return SKELETONS[name]
