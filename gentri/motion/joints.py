"""From the names that programs give to joints to those of `MOCAP_JOINTS`.

A name is compared without case, separators and what stands before a colon; "Bip01", "mixamorig",
"Character1" and "DEF" are left out. The first name that a file has counts: in most skeletons
"LeftShoulder" is the collar bone, and the joint of the shoulder is called "LeftArm"; where there is
no "LeftArm", it is the shoulder itself. The neck is the middle of the shoulders, whatever a file
calls so.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from gentri.data import FloatArray
from gentri.motion.recording import refusal
from gentri.synthetic.bodies import MOCAP_JOINTS

_MIDDLE = {
    # Rigify calls all of the trunk spine, by numbers.
    "Pelvis": ("hips", "pelvis", "midhip", "hip", "defspine"),
    "Head": ("head", "headjoint", "defspine006"),
}
# Of one side: with "left" or "l" before or behind.
_SIDED = {
    "Hip": ("upleg", "upperleg", "thigh", "thighbend", "hip", "hjc"),
    "Knee": ("leg", "lowerleg", "lowleg", "calf", "shin", "knee", "kjc"),
    "Ankle": ("foot", "ankle", "ajc"),
    "Shoulder": ("arm", "uparm", "upperarm", "uarm", "shldr", "shldrbend", "sjc", "shoulder"),
    "Elbow": ("forearm", "forearmbend", "lowerarm", "lowarm", "farm", "elbow", "ejc"),
    "Wrist": ("hand", "wrist", "wjc"),
}
_SIDES = {"L": ("left", "l"), "R": ("right", "r")}
_NEEDED = tuple(joint for joint in MOCAP_JOINTS if joint != "Neck")
_SHOWN = 40  # names in a message

# In the CMU database the forearm has 0.67 of the upper arm or more, the trunk 0.44 of the leg.
# Copies of it as BVH that lack the bones of wrist and thorax have 0.45 to 0.75 and about 0.36.
_LEAST_FOREARM, _LEAST_TRUNK = 0.6, 0.4
_CMU_HINT = (
    "copies of the CMU database as BVH lack bones of thorax and wrist: use its ASF and AMC files"
)


def _synonyms() -> dict[str, tuple[str, ...]]:
    found = dict(_MIDDLE)
    for letter, sides in _SIDES.items():
        for joint, names in _SIDED.items():
            found[letter + joint] = tuple(
                name for n in names for s in sides for name in (s + n, n + s)
            )
    return found


SYNONYMS = _synonyms()


def plain(name: str) -> str:
    """A name as it is compared."""
    bare = re.sub(r"[^a-z0-9]", "", name.rpartition(":")[2].lower())
    return re.sub(r"^(mixamorig\d*|character\d+|bip0*1|bip|def(?!spine))(?=.)", "", bare)


def mocap_joints(joints: Mapping[str, FloatArray], path: Path) -> FloatArray:
    """Joints by any names as `MOCAP_JOINTS` (T, 15, 3).

    Raises:
        InputError: one is missing, or the body lacks bones.
    """
    found: dict[str, FloatArray] = {}
    for name, measured in joints.items():
        found.setdefault(plain(name), measured)
    xyz: dict[str, FloatArray] = {}
    for joint in _NEEDED:
        name = next((n for n in SYNONYMS[joint] if n in found), None)
        if name is not None:
            xyz[joint] = found[name]
    if missing := [joint for joint in _NEEDED if joint not in xyz]:
        raise refusal(
            path,
            f"no joint for {', '.join(missing)}; found: {_listed(joints)}",
            "rename the joints, for example to "
            + ", ".join(f"{SYNONYMS[j][0]} ({j})" for j in missing),
        )
    xyz["Neck"] = (xyz["LShoulder"] + xyz["RShoulder"]) / 2
    require_bones(xyz, path)
    _require_wrists(xyz, found, path)
    return np.stack([xyz[joint] for joint in MOCAP_JOINTS], axis=1)


def require_bones(xyz: Mapping[str, FloatArray], path: Path) -> None:
    """Refuse proportions that no person has.

    Args:
        xyz: joint of `MOCAP_JOINTS` → (T, 3).
        path: for messages.

    Raises:
        InputError: forearms or trunk are too short.
    """

    def length(*chain: str) -> float:
        return sum(_median(np.linalg.norm(xyz[a] - xyz[b], axis=-1)) for a, b in pairwise(chain))

    arm = [length(s + "Elbow", s + "Wrist") / length(s + "Shoulder", s + "Elbow") for s in "LR"]
    leg = (length("LHip", "LKnee", "LAnkle") + length("RHip", "RKnee", "RAnkle")) / 2
    trunk = length("Pelvis", "Neck") / leg
    if min(arm) < _LEAST_FOREARM or trunk < _LEAST_TRUNK:
        raise refusal(
            path,
            f"the forearm has {min(arm):.2f} of the length of the upper arm, the trunk "
            f"{trunk:.2f} of the leg; people have more than {_LEAST_FOREARM} and {_LEAST_TRUNK}",
            f"{_CMU_HINT}; leave a cartoon figure out",
        )


def _require_wrists(
    xyz: Mapping[str, FloatArray], found: Mapping[str, FloatArray], path: Path
) -> None:
    """In the copies without a wrist bone the fingers begin where the hand does, 10 cm too early."""
    for letter, side in (("L", "left"), ("R", "right")):
        fingers = found.get(f"{side}fingerbase")
        if fingers is not None and np.allclose(fingers, xyz[letter + "Wrist"], equal_nan=True):
            raise refusal(path, f"the {side} hand has no length", _CMU_HINT)


def _median(values: FloatArray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (" …" if len(listed) > _SHOWN else "")
