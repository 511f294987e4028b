"""A motion-capture body as the joints of COCO-17, and variations of it."""

import numpy as np

from gentri.data import FloatArray
from gentri.skeletons import COCO17
from gentri.synthetic.walker import FACE

MOCAP_JOINTS = (
    "Pelvis",
    "RHip",
    "RKnee",
    "RAnkle",
    "LHip",
    "LKnee",
    "LAnkle",
    "Neck",  # middle of the shoulders
    "Head",
    "LShoulder",
    "LElbow",
    "LWrist",
    "RShoulder",
    "RElbow",
    "RWrist",
)
_AT = {name: i for i, name in enumerate(MOCAP_JOINTS)}

# Parent of each joint but the pelvis, parents first.
_BONES = (
    ("Neck", "Pelvis"),
    ("Head", "Neck"),
    *(
        (side + joint, side + parent if parent in ("Hip", "Knee", "Shoulder", "Elbow") else parent)
        for joint, parent in (
            ("Hip", "Pelvis"),
            ("Knee", "Hip"),
            ("Ankle", "Knee"),
            ("Shoulder", "Neck"),
            ("Elbow", "Shoulder"),
            ("Wrist", "Elbow"),
        )
        for side in "LR"
    ),
)

# Legs and trunk as a share of stature: the sum of trunk, thigh and shank in `walker.PROPORTIONS`.
_LEGS_AND_TRUNK = 0.779


def stature_of(xyz: FloatArray) -> float:
    """Body height, metres, from legs and trunk of mocap joints (T, 15, 3)."""
    hips = (xyz[:, _AT["LHip"]] + xyz[:, _AT["RHip"]]) / 2
    bones = (
        xyz[:, _AT["Neck"]] - hips,
        xyz[:, _AT["LKnee"]] - xyz[:, _AT["LHip"]],
        xyz[:, _AT["LAnkle"]] - xyz[:, _AT["LKnee"]],
    )
    length = sum(float(np.median(np.linalg.norm(bone, axis=-1))) for bone in bones)
    return length / _LEGS_AND_TRUNK


def mirrored(xyz: FloatArray) -> FloatArray:
    """The mirror image (x → −x) of mocap joints (T, 15, 3), sides exchanged."""
    other = {"L": "R", "R": "L"}
    order = [_AT.get(other.get(n[0], n[0]) + n[1:], i) for n, i in _AT.items()]
    return xyz[:, order] * [-1.0, 1.0, 1.0]


def rebuilt(xyz: FloatArray, factor: dict[str, float]) -> FloatArray:
    """Mocap joints (T, 15, 3) with every bone stretched by the factor of its lower joint.

    Args:
        xyz: (T, 15, 3).
        factor: by joint name without its side ("Knee": thigh); both sides alike.
    """
    out = xyz.copy()
    for joint, parent in _BONES:
        i, p = _AT[joint], _AT[parent]
        name = joint if joint in ("Neck", "Head") else joint[1:]
        out[:, i] = out[:, p] + factor[name] * (xyz[:, i] - xyz[:, p])
    return out


BONE_NAMES = tuple(dict.fromkeys(j if j in ("Neck", "Head") else j[1:] for j, _ in _BONES))


def coco_from_mocap(xyz: FloatArray, stature_m: float) -> FloatArray:
    """Joints of COCO-17 (T, 17, 3); the face sits on the head as on the synthetic walker."""
    out = np.full((len(xyz), len(COCO17), 3), np.nan)
    for side, letter in (("left", "L"), ("right", "R")):
        for part in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"):
            out[:, COCO17.index(f"{side}_{part.lower()}")] = xyz[:, _AT[letter + part]]
    neck = xyz[:, _AT["Neck"]]
    up = _unit(xyz[:, _AT["Head"]] - neck)
    left = xyz[:, _AT["LShoulder"]] - xyz[:, _AT["RShoulder"]]
    left = _unit(left - (left * up).sum(-1, keepdims=True) * up)
    axes = np.stack([np.cross(left, up), left, up], axis=-2)  # forward, left, up
    for part, (forward, sideways, above) in FACE.items():
        for sign, name in ((1.0, part), (-1.0, part.replace("left_", "right_"))):
            offset = stature_m * np.array([forward, sign * sideways, above])
            out[:, COCO17.index(name)] = neck + offset @ axes
    return out


def headings(xyz: FloatArray) -> FloatArray:
    """Where the chest of COCO-17 joints (..., 17, 3) faces, (...) radians about z from x."""
    left = xyz[..., COCO17.index("left_shoulder"), :] - xyz[..., COCO17.index("right_shoulder"), :]
    return np.arctan2(-left[..., 0], left[..., 1])


def _unit(v: FloatArray) -> FloatArray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)
