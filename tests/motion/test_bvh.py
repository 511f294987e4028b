"""BVH: known poses in several channel orders, axes and units, exactly; and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from bodies_of_motion import BVH_NAMES, PARENTS, STANDING, rotation, stacked, write_bvh

from gentri.errors import InputError
from gentri.motion import read_motion

FPS = 20.0
TICKS = 41


def moving(order: str, y_up: bool) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Angles, root places, and the joints that they make by hand (T, 15, 3), metres, z up.

    The person turns as a whole, bends the left elbow and swings the right thigh.
    """
    rng = np.random.default_rng(len(order))
    time = np.linspace(0, 1, TICKS)[:, None]
    angles = {
        name: rng.uniform(-40, 40, 3) * np.sin(3 * time) for name in ("Pelvis", "LElbow", "RHip")
    }
    places = np.array(STANDING["Pelvis"]) + time * [0.5, -1.0, 0.1]
    # World from the file's axes: with y up, (x, y, z) of the world is (z, x, y) of the file.
    W = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]) if y_up else np.eye(3)
    poses = []
    for t in range(TICKS):
        R: dict[str, np.ndarray] = {"": np.eye(3)}
        at: dict[str, np.ndarray] = {}
        for name, parent in PARENTS.items():
            turn = np.eye(3)
            for axis, degrees in zip(order, angles.get(name, np.zeros((TICKS, 3)))[t], strict=True):
                turn = turn @ rotation(axis, degrees)
            R[name] = R[parent] @ W @ turn @ W.T
            offset = np.array(STANDING[name]) - np.array(STANDING.get(parent, (0, 0, 0)))
            at[name] = at[parent] + R[parent] @ offset if parent else places[t]
        at["Neck"] = (at["LShoulder"] + at["RShoulder"]) / 2
        poses.append({name: xyz[None] for name, xyz in at.items()})
    return angles, places, np.concatenate([stacked(pose) for pose in poses])


@pytest.mark.parametrize("order", ["ZXY", "ZYX", "YXZ"])
@pytest.mark.parametrize(("y_up", "unit_m"), [(True, 0.01), (False, 0.001), (True, 0.0254)])
def test_known_poses_are_read_exactly(
    tmp_path: Path, order: str, y_up: bool, unit_m: float
) -> None:
    angles, places, expected = moving(order, y_up)
    write_bvh(tmp_path / "a.bvh", angles, places, order=order, unit_m=unit_m, y_up=y_up, fps=FPS)
    (clip,) = read_motion(tmp_path / "a.bvh")
    assert (clip.name, clip.subject) == ("a", "a")
    np.testing.assert_allclose(clip.xyz, expected[::2], atol=1e-6)


def test_cmus_own_unit_is_found(tmp_path: Path) -> None:
    angles, places, expected = moving("ZXY", True)
    path = tmp_path / "a.bvh"
    write_bvh(path, angles, places, order="ZXY", unit_m=0.0254 / 0.45, y_up=True, fps=FPS)
    np.testing.assert_allclose(read_motion(path)[0].xyz, expected[::2], atol=1e-6)


@pytest.mark.parametrize(
    "rename",
    [
        lambda n: "mixamorig:" + n,
        lambda n: n.replace("Left", "L_").replace("Right", "R_").replace("UpLeg", "Thigh"),
        lambda n: {"LeftArm": "LeftShoulder", "RightArm": "RightShoulder"}.get(n, n),
    ],
    ids=["mixamo", "letters", "shoulder is the joint"],
)
def test_names_of_other_programs(tmp_path: Path, rename) -> None:
    angles, places, expected = moving("ZXY", False)
    names = {joint: rename(name) for joint, name in BVH_NAMES.items()}
    path = tmp_path / "a.bvh"
    write_bvh(path, angles, places, order="ZXY", unit_m=1, y_up=False, fps=FPS, names=names)
    np.testing.assert_allclose(read_motion(path)[0].xyz, expected[::2], atol=1e-6)


# Program → pelvis, head, collar bone, and hip, knee, ankle, shoulder, elbow, wrist of the left.
PROGRAMS = {
    "Motive": "Hip Head LShoulder LThigh LShin LFoot LUArm LFArm LHand",
    "Poser": "hip head lCollar lThigh lShin lFoot lShldr lForeArm lHand",
    "DAZ": "pelvis head lCollar lThighBend lShin lFoot lShldrBend lForearmBend lHand",
    "Rigify": "DEF-spine DEF-spine.006 DEF-shoulder.L DEF-thigh.L DEF-shin.L DEF-foot.L "
    "DEF-upper_arm.L DEF-forearm.L DEF-hand.L",
    "MotionBuilder": "Character1_Hips Character1_Head Character1_LeftShoulder "
    "Character1_LeftUpLeg Character1_LeftLeg Character1_LeftFoot Character1_LeftArm "
    "Character1_LeftForeArm Character1_LeftHand",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_names_of_programs_beside_their_collar_bones(tmp_path: Path, program: str) -> None:
    angles, places, expected = moving("ZXY", False)
    pelvis, head, *left = PROGRAMS[program].split()
    joints = ("Collar", "Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
    names = {"Pelvis": pelvis, "Head": head}
    for joint, name in zip(joints, left, strict=True):
        other = re.sub(r"L$|^[Ll](?=[A-Z])", lambda m: "rR"[m[0] == "L"], name)
        names |= {"L" + joint: name, "R" + joint: other.replace("Left", "Right")}
    collars = {side + "Collar": "Pelvis" for side in "LR"}
    path = tmp_path / "a.bvh"
    write_bvh(
        path,
        angles,
        places,
        order="ZXY",
        unit_m=1,
        y_up=False,
        fps=FPS,
        names=names,
        parents=PARENTS | collars,
        standing=STANDING | dict.fromkeys(collars, (0.0, 0.0, 1.4)),
    )
    np.testing.assert_allclose(read_motion(path)[0].xyz, expected[::2], atol=1e-6)


def test_decimal_commas_and_names_with_blanks_are_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    (expected,) = read_motion(path)
    head, motion = path.read_text().split("MOTION")
    head = head.replace("ROOT Hips", "ROOT Anna 01:Hips").replace("OFFSET 0.", "OFFSET 0,")
    path.write_text(f"{head}MOTION{motion.replace('.', ',')}")
    assert "Frame Time: 0,05" in path.read_text()
    np.testing.assert_array_equal(read_motion(path)[0].xyz, expected.xyz)


def test_a_file_that_breaks_off_says_where(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text()[:-200])
    with pytest.raises(
        InputError, match=r"is no whole BVH \(frame 41 has \d+ numbers, the first 45"
    ):
        read_motion(path)
    path.write_text(path.read_text().partition("Frame Time")[0])
    with pytest.raises(InputError, match="the lines Frames: and Frame Time: are missing"):
        read_motion(path)


def written(tmp_path: Path, **changes) -> Path:
    angles, places, _ = moving("ZXY", True)
    values = {"order": "ZXY", "unit_m": 0.01, "y_up": True, "fps": FPS} | changes
    path = tmp_path / "a.bvh"
    write_bvh(path, values.pop("angles", angles), values.pop("places", places), **values)
    return path


def test_a_missing_joint_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, names=BVH_NAMES | {"LWrist": "Blob"})
    with pytest.raises(InputError, match=r"no joint for LWrist; found: .*Blob.*\n.*lefthand"):
        read_motion(path)


def test_all_missing_joints_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, names={joint: f"Bone{i}" for i, joint in enumerate(BVH_NAMES)})
    with pytest.raises(InputError) as refused:
        read_motion(path)
    for joint in BVH_NAMES:
        assert joint in refused.value.message and f"({joint})" in refused.value.hint


def test_a_body_of_no_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"units tall.*needed: 1 to 2\.3 m"):
        read_motion(written(tmp_path, unit_m=0.37))


def test_a_lying_person_is_refused(tmp_path: Path) -> None:
    lying = {"Pelvis": np.tile([90.0, 0, 0], (TICKS, 1))}  # about the forward axis
    with pytest.raises(InputError, match="up is neither y nor z"):
        read_motion(written(tmp_path, angles=lying))


@pytest.mark.parametrize(
    ("joints", "shift"),
    [(("LWrist", "RWrist"), (0, 0, 0.1)), (("LShoulder", "RShoulder"), (0, 0, -0.13))],
    ids=["wrist bones", "thorax"],
)
def test_copies_of_cmu_without_bones_are_refused(tmp_path: Path, joints, shift) -> None:
    standing = STANDING | {
        name: tuple(np.array(STANDING[name]) + shift)
        for name in STANDING
        if name in joints or ("Shoulder" in joints[0] and name[1:] in ("Elbow", "Wrist"))
    }
    with pytest.raises(InputError, match=r"the forearm has .*\n.* use its ASF and AMC"):
        read_motion(written(tmp_path, standing=standing))


def test_hands_without_length_are_refused_as_cmus(tmp_path: Path) -> None:
    """The fingers begin at the wrist, whatever the proportions of the rest."""
    path = written(
        tmp_path,
        names=BVH_NAMES | {"LFingers": "LeftFingerBase"},
        parents=PARENTS | {"LFingers": "LWrist"},
        standing=STANDING | {"LFingers": STANDING["LWrist"]},
    )
    with pytest.raises(InputError, match=r"left hand has no length\n.*use its ASF and AMC"):
        read_motion(path)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("MOTION", "NOTHING", "no line MOTION"),
        ("Frames: 41", "Frames: 40", "40 frames of 45 channels"),
        ("OFFSET", "OFFSETS", "is no whole BVH"),
        ("Zrotation", "Wrotation", "is no whole BVH"),
        ("Frame Time: 0.05", "Frame Time: 0.0", "no frame time"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, old: str, new: str, found: str) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=found):
        read_motion(path)


def test_two_people_in_a_file_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text()
    head = text[text.index("ROOT") : text.index("MOTION")]
    path.write_text(text.replace("MOTION", head + "MOTION"))
    with pytest.raises(InputError, match="more than one ROOT"):
        read_motion(path)
