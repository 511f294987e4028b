"""The named joint sets."""

import json
import re

import balance
import numpy as np
import pytest

from gentri.errors import UsageError
from gentri.skeletons import BODY25B, BODY_JOINTS, SKELETONS, Skeleton, skeleton


@pytest.mark.parametrize("name", SKELETONS)
def test_sets_are_whole(name: str) -> None:
    found = skeleton(name)
    assert len(found) == len(set(found.joints)) == int(re.findall(r"\d+", name)[-1])
    assert [found.joints[i] for i in found.body] == list(BODY_JOINTS)
    assert all(joint in found.joints for limb in found.limbs for joint in limb)
    assert len({frozenset(limb) for limb in found.limbs}) == len(found.limbs)
    np.testing.assert_array_equal(found.mirror[found.mirror], np.arange(len(found)))


def test_midline_joints_mirror_onto_themselves() -> None:
    for found in SKELETONS.values():
        middle = [
            i for i, joint in enumerate(found.joints) if not joint.startswith(("left_", "right_"))
        ]
        assert found.mirror[middle].tolist() == middle


def test_joints_of_one_side_alone_mirror_onto_themselves() -> None:
    arm = Skeleton("arm", ("right_shoulder", "left_elbow", "right_elbow", "right_wrist"), ())
    assert arm.mirror.tolist() == [0, 2, 1, 3]


# Where other tools put joints: OpenPose's poseParameters.cpp, MMPose's dataset files.
PLACES = {
    "body25": {"neck": 1, "right_wrist": 4, "hip": 8, "left_ankle": 14, "left_ear": 18,
               "left_big_toe": 19, "left_heel": 21, "right_big_toe": 22, "right_heel": 24},
    "body25b": {"left_eye": 1, "right_ankle": 16, "upper_neck": 17, "head": 18,
                "left_small_toe": 20, "right_heel": 24},
    "mpii16": {"right_ankle": 0, "left_ankle": 5, "hip": 6, "head": 9, "right_wrist": 10,
               "right_shoulder": 12, "left_shoulder": 13, "left_wrist": 15},
    "h36m17": {"hip": 0, "right_hip": 1, "right_ankle": 3, "left_hip": 4, "spine": 7, "thorax": 8,
               "neck_base": 9, "head": 10, "left_shoulder": 11, "right_wrist": 16},
    "halpe26": {"head": 17, "neck": 18, "hip": 19, "right_big_toe": 21, "right_heel": 25},
    "wholebody133": {"left_heel": 19, "right_heel": 22, "face_0": 23, "left_hand_0": 91},
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_joints_are_where_other_tools_put_them(name: str) -> None:
    assert {joint: skeleton(name).index(joint) for joint in PLACES[name]} == PLACES[name]


def test_openpose_detections_have_the_shape_of_body25b() -> None:
    """A real standing person: heads above shoulders above hips above feet, heels behind toes."""
    clip = (balance.CLIP / "static_openpose_body25b.json").read_text(encoding="utf-8")
    person = np.array(json.loads(clip)["people2d"]["cam03"][0][0])
    at = dict(zip(BODY25B.joints, person, strict=True))
    chain = ("head", "upper_neck", "left_shoulder", "left_elbow", "left_hip", "left_knee")
    below = [at[joint][1] for joint in (*chain, "left_ankle", "left_big_toe")]
    assert below == sorted(below)
    height = below[-1] - below[0]
    for limb in BODY25B.limbs:
        a, b = (at[joint] for joint in limb)
        if min(a[2], b[2]) > 0.3:
            assert np.linalg.norm(a[:2] - b[:2]) < 0.35 * height, limb


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="known: coco17, halpe26"):
        skeleton("coco18")
