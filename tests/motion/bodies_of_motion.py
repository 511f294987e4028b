"""A person by joints, standing and then moving, and files of it in the formats that are read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gentri.synthetic.bodies import MOCAP_JOINTS

# Metres, z up, facing −y (so x is the person's left).
STANDING = {
    "Pelvis": (0.0, 0.0, 1.0),
    "RHip": (-0.1, 0.0, 0.92),
    "RKnee": (-0.1, -0.02, 0.5),
    "RAnkle": (-0.1, 0.0, 0.08),
    "LHip": (0.1, 0.0, 0.92),
    "LKnee": (0.1, -0.02, 0.5),
    "LAnkle": (0.1, 0.0, 0.08),
    "Neck": (0.0, 0.0, 1.45),
    "Head": (0.0, -0.02, 1.6),
    "LShoulder": (0.2, 0.0, 1.45),
    "LElbow": (0.22, 0.0, 1.17),
    "LWrist": (0.24, -0.05, 0.93),
    "RShoulder": (-0.2, 0.0, 1.45),
    "RElbow": (-0.22, 0.0, 1.17),
    "RWrist": (-0.24, -0.05, 0.93),
}
# Joint → its parent, parents first; the neck is no joint of its own.
PARENTS = {
    "Pelvis": "",
    "Head": "Pelvis",
    **{
        side + joint: (side + parent if parent != "Pelvis" else parent)
        for side in "LR"
        for joint, parent in (
            ("Hip", "Pelvis"),
            ("Knee", "Hip"),
            ("Ankle", "Knee"),
            ("Shoulder", "Pelvis"),
            ("Elbow", "Shoulder"),
            ("Wrist", "Elbow"),
        )
    },
}
BVH_NAMES = {
    "Pelvis": "Hips",
    "Head": "Head",
    **{
        letter + joint: side + name
        for letter, side in (("L", "Left"), ("R", "Right"))
        for joint, name in (
            ("Hip", "UpLeg"),
            ("Knee", "Leg"),
            ("Ankle", "Foot"),
            ("Shoulder", "Arm"),
            ("Elbow", "ForeArm"),
            ("Wrist", "Hand"),
        )
    },
}


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Right-handed, about x, y or z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def stacked(joints: dict[str, np.ndarray]) -> np.ndarray:
    """(T, 15, 3) in the order of MOCAP_JOINTS."""
    return np.stack([np.asarray(joints[name]) for name in MOCAP_JOINTS], axis=1)


def write_bvh(
    path: Path,
    angles: dict[str, np.ndarray],
    places: np.ndarray,
    *,
    order: str,
    unit_m: float,
    y_up: bool,
    fps: float,
    names: dict[str, str] = BVH_NAMES,
    parents: dict[str, str] = PARENTS,
    standing: dict[str, Sequence[float]] = STANDING,
) -> None:
    """A person who turns joints.

    Args:
        path: file to write.
        angles: joint → (T, 3) degrees, in `order`, about the axes of the file.
        places: (T, 3) of the root, metres, z up.
        order: of the rotation channels, such as "ZXY".
        unit_m: metres per unit of the file.
        y_up: the file is; angles are about its axes.
        fps: frames per second.
        names: of the joints in the file.
        parents: joint → parent.
        standing: joint → its place at rest.
    """
    axes = [1, 2, 0] if y_up else [0, 1, 2]  # z up (x, y, z) is (y, z, x) with y up
    lines = ["HIERARCHY"]
    columns: list[np.ndarray] = []

    def joint(name: str, depth: int) -> None:
        parent = parents[name]
        offset = np.array(standing[name]) - (np.array(standing[parent]) if parent else 0)
        offset = offset[axes] / unit_m
        pad = "  " * depth
        lines.append(f"{pad}{'JOINT' if parent else 'ROOT'} {names[name]}")
        lines.append(pad + "{")
        lines.append(f"{pad}  OFFSET {' '.join(f'{v:.10f}' for v in offset)}")
        turns = " ".join(f"{axis}rotation" for axis in order)
        if parent:
            lines.append(f"{pad}  CHANNELS 3 {turns}")
        else:
            lines.append(f"{pad}  CHANNELS 6 Xposition Yposition Zposition {turns}")
            columns.append(places[:, axes] / unit_m)
        columns.append(angles.get(name, np.zeros((len(places), 3))))
        below = [n for n, p in parents.items() if p == name]
        for child in below:
            joint(child, depth + 1)
        if not below:
            lines.append(f"{pad}  End Site")
            lines.append(f"{pad}  {{")
            lines.append(f"{pad}    OFFSET 0 0 0.1")
            lines.append(f"{pad}  }}")
        lines.append(pad + "}")

    joint(next(n for n, p in parents.items() if not p), 0)
    values = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {1 / fps:.10f}"]
    lines += [" ".join(f"{v:.10f}" for v in row) for row in values]
    path.write_text("\n".join(lines) + "\n")
