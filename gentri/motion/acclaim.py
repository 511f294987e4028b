"""Acclaim's ASF (skeleton) and AMC (motion), as in the CMU motion-capture database.

A bone has a direction and a length in the frame of the world at rest, and an axis: the frame C in
which its angles are meant. In motion it turns by C M C⁻¹ against its parent. Angles turn about x
first where the order is XYZ: M = Rz Ry Rx. Neither file has a frame rate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gentri.data import FloatArray
from gentri.motion.recording import METRES, MotionFile, read_lines, refusal
from gentri.motion.rotations import chained

FPS = 120.0  # of the CMU database, but for a few takes of 60, which their files do not tell
_DOFS = ("tx", "ty", "tz", "rx", "ry", "rz")

# Where a bone ends there is a joint. CMU's forearm is two bones, radius and wrist.
_ENDS = {
    "upperneck": "Head",
    **{
        side + bone: {"l": "Left", "r": "Right"}[side] + joint
        for side in "lr"
        for bone, joint in (
            ("hipjoint", "UpLeg"),
            ("femur", "Leg"),
            ("tibia", "Foot"),
            ("clavicle", "Arm"),
            ("humerus", "ForeArm"),
            ("wrist", "Hand"),
        )
    },
}


class _Bone(NamedTuple):
    vector: FloatArray  # from its start to its end at rest
    C: FloatArray  # (3, 3)
    order: str  # of rotations: "xyz" turns about x first
    dof: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Skeleton:
    bones: Mapping[str, _Bone]  # the root among them
    parent: Mapping[str, str]  # parents first
    metres: float  # per unit of length
    radians: float  # per unit of angle


def read_amc(path: Path) -> MotionFile:
    """Read an AMC file with the ASF file beside it.

    Raises:
        InputError: there is no ASF file, or one of both is damaged.
    """
    asf = _skeleton_file(path)
    try:
        body = _skeleton(_sections(read_lines(asf)))
    except (KeyError, ValueError, IndexError) as error:
        raise refusal(asf, f"is no whole ASF ({error})", "take the file as it was") from error
    try:
        frames = _frames(read_lines(path), body)
    except (KeyError, ValueError, IndexError) as error:
        raise refusal(
            path, f"does not fit {asf.name} ({error})", "take the ASF file of the same person"
        ) from error
    ends = _bone_ends(body, frames)
    named = {joint: ends[bone] for bone, joint in _ENDS.items() if bone in ends}
    others = {bone: xyz for bone, xyz in ends.items() if bone not in _ENDS and bone != "root"}
    return MotionFile({"Hips": ends["root"], **named, **others}, FPS, body.metres)


def _skeleton_file(amc: Path) -> Path:
    """The ASF file whose name the AMC file's begins with, else the only one in the folder."""
    beside = sorted(p for p in amc.parent.iterdir() if p.suffix.lower() == ".asf")
    named = [p for p in beside if amc.stem.startswith(p.stem)]
    if named:
        return max(named, key=lambda p: len(p.stem))
    if len(beside) == 1:
        return beside[0]
    raise refusal(
        amc,
        f"no skeleton is called after it; beside it: {', '.join(p.name for p in beside) or 'none'}",
        "put the ASF file of this person beside it, as in 35/35.asf and 35/35_01.amc",
    )


def _sections(lines: list[str]) -> dict[str, list[list[str]]]:
    """Lines of words under each heading ":units", ":root" and so on."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in lines:
        words = line.partition("#")[0].split()
        if words and words[0].startswith(":"):
            heading = words[0].lower()
            found[heading] = []
        elif words and heading:
            found[heading].append(words)
    return found


def _skeleton(sections: Mapping[str, list[list[str]]]) -> _Skeleton:
    units = {words[0].lower(): words[1] for words in sections[":units"]}
    radians = np.pi / 180 if units.get("angle", "deg").lower().startswith("deg") else 1.0
    root = {words[0].lower(): words[1:] for words in sections[":root"]}
    order = root["axis"][0].lower()
    orientation = np.array(root.get("orientation", [0, 0, 0]), dtype=np.float64) * radians
    bones = {
        "root": _Bone(
            np.array(root.get("position", [0, 0, 0]), dtype=np.float64),
            _turn(order, dict(zip("xyz", orientation, strict=True))),
            order,
            _checked(root["order"]),
        )
    }
    for entry in _entries(sections[":bonedata"]):
        bones[entry["name"][0]] = _bone(entry, radians)
    children = {words[0]: words[1:] for words in sections[":hierarchy"]}
    parent: dict[str, str] = {}
    queue = ["root"]
    for above in queue:
        parent.update(dict.fromkeys(children.get(above, []), above))
        queue += children.get(above, [])
    # The database is in inches, scaled down by `length`.
    return _Skeleton(bones, parent, METRES["in"] / float(units["length"]), radians)


def _entries(rows: list[list[str]]) -> Iterator[dict[str, list[str]]]:
    entry: dict[str, list[str]] = {}
    for words in rows:
        if words[0].lower() == "begin":
            entry = {}
        elif words[0].lower() == "end":
            yield entry
        else:
            entry[words[0].lower()] = words[1:]


def _bone(entry: Mapping[str, list[str]], radians: float) -> _Bone:
    *angles, order = entry["axis"]
    direction = np.array(entry["direction"], dtype=np.float64)
    axis = np.array(angles, dtype=np.float64) * radians
    return _Bone(
        direction / np.linalg.norm(direction) * float(entry["length"][0]),
        _turn(order.lower(), dict(zip("xyz", axis, strict=True))),
        order.lower(),
        _checked(entry.get("dof", [])),
    )


def _checked(dofs: list[str]) -> tuple[str, ...]:
    lower = tuple(dof.lower() for dof in dofs)
    if unknown := set(lower) - set(_DOFS):
        raise ValueError(f"the degree of freedom {unknown.pop()!r}")
    return lower


def _turn(order: str, angle: Mapping[str, FloatArray]) -> FloatArray:
    """Rotations (..., 3, 3) by angles about named axes, that of the first letter applied first."""
    axes = "".join(axis for axis in reversed(order) if axis in angle)
    return chained(axes, np.stack([angle[axis] for axis in axes], axis=-1)) if axes else np.eye(3)


def _frames(lines: list[str], body: _Skeleton) -> Mapping[str, FloatArray]:
    """Bone → (T, number of its degrees of freedom)."""
    found: dict[str, list[list[str]]] = {}
    count = 0
    for line in lines:
        words = line.partition("#")[0].split()
        if len(words) == 1 and words[0].isdigit():
            count += 1
        elif count and words:
            found.setdefault(words[0], []).append(words[1:])
    if not count:
        raise ValueError("no frames")
    values = {bone: np.array(rows, dtype=np.float64) for bone, rows in found.items()}
    for bone, rows in values.items():
        if bone not in body.bones:
            raise ValueError(f"the bone {bone!r}")
        if rows.shape != (count, len(body.bones[bone].dof)):
            raise ValueError(f"{bone}: {rows.shape[1]} values, {len(rows)} of {count} frames")
    return values


def _bone_ends(body: _Skeleton, frames: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Bone → its end (T, 3), in the file's unit."""
    ticks = len(frames["root"])
    R: dict[str, FloatArray] = {}
    ends: dict[str, FloatArray] = {}
    for name in ("root", *body.parent):
        bone = body.bones[name]
        values = dict(zip(bone.dof, frames.get(name, np.zeros((ticks, 0))).T, strict=False))
        angle = {dof[1]: v * body.radians for dof, v in values.items() if dof[0] == "r"}
        shift = np.stack([values.get("t" + axis, np.zeros(ticks)) for axis in "xyz"], axis=-1)
        turn = bone.C @ _turn(bone.order, angle) @ bone.C.T
        if name == "root":
            R[name], ends[name] = np.broadcast_to(turn, (ticks, 3, 3)), bone.vector + shift
        else:
            above = body.parent[name]
            R[name] = R[above] @ turn
            ends[name] = ends[above] + (R[name] @ (bone.vector + shift)[..., None])[..., 0]
    return ends
