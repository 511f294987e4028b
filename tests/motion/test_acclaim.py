"""ASF and AMC made by hand: forward kinematics, units, axes, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from bodies_of_motion import rotation, stacked

from gentri.errors import InputError
from gentri.motion import read_motion
from gentri.motion.acclaim import FPS

UNIT = 0.0254 / 0.45  # metres, as in CMU's files
# Bone → parent, start at rest → end at rest, both as (x, y, z) with y up and x to the left.
BONES: dict[str, tuple[str, tuple[float, float, float]]] = {
    "lhipjoint": ("root", (0.1, -0.08, 0.0)),
    "lfemur": ("lhipjoint", (0.0, -0.42, 0.02)),
    "ltibia": ("lfemur", (0.0, -0.42, -0.02)),
    "rhipjoint": ("root", (-0.1, -0.08, 0.0)),
    "rfemur": ("rhipjoint", (0.0, -0.42, 0.02)),
    "rtibia": ("rfemur", (0.0, -0.42, -0.02)),
    "thorax": ("root", (0.0, 0.4, 0.0)),
    "upperneck": ("thorax", (0.0, 0.2, 0.02)),
    "head": ("upperneck", (0.0, 0.1, 0.0)),
    "lclavicle": ("thorax", (0.2, 0.05, 0.0)),
    "lhumerus": ("lclavicle", (0.28, 0.0, 0.0)),
    "lradius": ("lhumerus", (0.18, 0.0, 0.0)),
    "lwrist": ("lradius", (0.09, 0.0, 0.0)),
    "rclavicle": ("thorax", (-0.2, 0.05, 0.0)),
    "rhumerus": ("rclavicle", (-0.28, 0.0, 0.0)),
    "rradius": ("rhumerus", (-0.18, 0.0, 0.0)),
    "rwrist": ("rradius", (-0.09, 0.0, 0.0)),
}
AXES = {"lhumerus": (20.0, -35.0, 60.0), "lradius": (0.0, 30.0, 90.0), "rfemur": (0.0, 0.0, -20.0)}
DOFS = {"lhumerus": "rx ry rz", "lradius": "rx", "rfemur": "rx ry rz", "ltibia": "rx"}
JOINTS = {
    "Head": "upperneck",
    **{
        side.upper() + joint: side + bone
        for side in "lr"
        for joint, bone in (
            ("Hip", "hipjoint"),
            ("Knee", "femur"),
            ("Ankle", "tibia"),
            ("Shoulder", "clavicle"),
            ("Elbow", "humerus"),
            ("Wrist", "wrist"),
        )
    },
}
TICKS = 121


def asf() -> str:
    lines = [":version 1.10", ":name x", ":units", "  mass 1.0", "  length 0.45", "  angle deg"]
    lines += [":documentation", "  # a comment", "  made by hand"]
    lines += [":root", "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0"]
    lines += ["  orientation 0 0 0", ":bonedata"]
    for number, (name, (_, vector)) in enumerate(BONES.items(), start=1):
        length = np.linalg.norm(vector)
        direction = " ".join(f"{v:.12f}" for v in np.array(vector) / length)
        axis = " ".join(str(v) for v in AXES.get(name, (0, 0, 0)))
        lines += [
            "  begin",
            f"     id {number}",
            f"     name {name}",
            f"     direction {direction}",
        ]
        lines += [f"     length {length / UNIT:.12f}", f"     axis {axis}  XYZ"]
        if name in DOFS:
            count = len(DOFS[name].split())
            lines += [f"     dof {DOFS[name]}", "     limits (-160.0 20.0)"]
            lines += ["            (-70.0 70.0)"] * (count - 1)
        lines += ["  end"]
    lines += [":hierarchy", "  begin"]
    # Children of the thorax first: the order of the lines says nothing.
    for above in sorted({parent for parent, _ in BONES.values()}, reverse=True):
        lines.append(f"    {above} " + " ".join(n for n, (p, _) in BONES.items() if p == above))
    return "\n".join([*lines, "  end"]) + "\n"


def turn(angles: dict[str, float]) -> np.ndarray:
    """About x first, then y, then z."""
    R = np.eye(3)
    for axis in "xyz":
        R = rotation(axis.upper(), angles.get("r" + axis, 0.0)) @ R
    return R


def moving() -> tuple[str, np.ndarray]:
    """An AMC of one second and the joints (T, 15, 3) that it makes by hand, metres, z up."""
    rng = np.random.default_rng(4)
    swing = {bone: rng.uniform(-50, 50, len(dof.split())) for bone, dof in DOFS.items()}
    lines = ["#!OML:ASF x.ASF", ":FULLY-SPECIFIED", ":DEGREES"]
    poses = []
    for t in range(TICKS):
        phase = np.sin(t / 40)
        place = np.array([0.3 * t / FPS, 0.95, 1.1 * t / FPS])
        heading = np.array([2.0, 70.0, -3.0]) * phase
        lines += [str(t + 1)]
        lines += ["root " + " ".join(f"{v:.12f}" for v in (*(place / UNIT), *heading))]
        R = {"root": turn(dict(zip(("rx", "ry", "rz"), heading, strict=True)))}
        at = {"root": place}
        for bone, (parent, vector) in BONES.items():
            angles = {}
            if bone in DOFS:
                values = swing[bone] * phase
                lines += [f"{bone} " + " ".join(f"{v:.12f}" for v in values)]
                angles = dict(zip(DOFS[bone].split(), values, strict=True))
            C = turn(dict(zip(("rx", "ry", "rz"), AXES.get(bone, (0, 0, 0)), strict=True)))
            R[bone] = R[parent] @ C @ turn(angles) @ C.T
            at[bone] = at[parent] + R[bone] @ np.array(vector)
        joints = {"Pelvis": at["root"], **{joint: at[bone] for joint, bone in JOINTS.items()}}
        joints["Neck"] = (joints["LShoulder"] + joints["RShoulder"]) / 2
        poses.append(stacked({name: xyz[None] for name, xyz in joints.items()}))
    return "\n".join(lines) + "\n", np.concatenate(poses)[..., [2, 0, 1]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """As CMU's: a folder of a subject with a skeleton and two takes."""
    folder = tmp_path / "subjects" / "07"
    folder.mkdir(parents=True)
    (folder / "07.asf").write_text(asf())
    (folder / "07_01.amc").write_text(moving()[0])
    (folder / "07_02.amc").write_text(moving()[0])
    return tmp_path / "subjects"


def test_known_angles_give_known_joints(database: Path) -> None:
    first, second = read_motion(database)
    assert [(c.name, c.subject) for c in (first, second)] == [
        ("07/07_01", "07"),
        ("07/07_02", "07"),
    ]
    np.testing.assert_allclose(first.xyz, moving()[1][::12], atol=1e-6)


def test_a_skeleton_is_found_by_its_name_or_alone(database: Path) -> None:
    folder = database / "07"
    (folder / "0.asf").write_text("nonsense")  # "07" begins with it, too, and says less
    assert len(read_motion(folder)) == 2
    (folder / "0.asf").unlink()
    (folder / "07.asf").rename(folder / "body.asf")
    assert len(read_motion(folder)) == 2
    (folder / "other.asf").write_text(asf())
    with pytest.raises(InputError, match=r"no skeleton is called after it.*body\.asf, other\.asf"):
        read_motion(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("07.asf", ":hierarchy", ":nothing", "is no whole ASF"),
        ("07.asf", "dof rx ry rz", "dof rx ry l", "degree of freedom 'l'"),
        ("07.asf", "length 0.45", "length 0.045", "needed: 1 to 2.3 m"),
        ("07.asf", "lwrist", "lpalm", r"no joint for LWrist; found: .*lpalm"),
        ("07_01.amc", "lradius ", "lradius 1 ", "does not fit 07.asf"),
        ("07_01.amc", "lradius ", "tail ", r"does not fit 07.asf \(the bone 'tail'\)"),
    ],
)
def test_damaged_files_are_refused(
    database: Path, file: str, old: str, new: str, found: str
) -> None:
    path = database / "07" / file
    path.write_text(path.read_text().replace(old, new))
    (database / "07" / "07_02.amc").unlink()
    with pytest.raises(InputError, match=found):
        read_motion(database)
