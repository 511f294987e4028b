"""Metres from a stature, a bone, two cameras or people in general; exact, and refused where not."""

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import FloatArray, Rig
from gentri.errors import CalibrationError, UsageError
from gentri.geometry.scale import (
    LEGS_AND_TRUNK,
    TRUNK_AND_ARM,
    BoneLength,
    CameraDistance,
    Stature,
    legs_and_trunk,
    parse_bone_length,
    parse_camera_distance,
    scale_of,
    trunk_and_arm,
)
from gentri.skeletons import BODY_JOINTS, COCO17

UNIT = 0.2  # rig units per metre


def scene(seed: int) -> tuple[Rig, FloatArray, FloatArray]:
    """A rig, its centres and a person's joints (F, 12, 3) in rig units."""
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng)
    walk = synthetic.walk(rng, ticks=40)
    center = np.stack([c.center for c in rig.cameras])
    return rig, UNIT * center, UNIT * walk.xyz[:, COCO17.body]


def bone_m(xyz: FloatArray, one: str, other: str) -> float:
    ends = xyz[:, [BODY_JOINTS.index(one), BODY_JOINTS.index(other)]] / UNIT
    return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1).mean())


def test_a_distance_between_two_cameras() -> None:
    rig, center, xyz = scene(0)
    metres = float(np.linalg.norm(rig.cameras[0].center - rig.cameras[2].center))
    for cameras in (("cam0", "cam2"), ("cam2", "cam0"), ("Cam 2", "cam00")):
        scale = scale_of(CameraDistance(cameras, metres), rig.names, center, xyz)
        assert scale.metres == pytest.approx(1 / UNIT, rel=1e-9)
        assert (scale.source, scale.sigma) == ("camera distance given", 0.01)
    with pytest.raises(UsageError, match=r"unknown camera in the camera distance: cam9\n"):
        scale_of(CameraDistance(("cam0", "cam9"), 4.0), rig.names, center, xyz)


def test_a_bone_of_one_side_and_the_mean_of_both() -> None:
    _, center, xyz = scene(1)
    xyz[:, BODY_JOINTS.index("right_knee")] += UNIT * np.array([0.0, 0.0, 0.02])  # another thigh
    lengths = [bone_m(xyz, f"{s}_hip", f"{s}_knee") for s in ("left", "right")]
    assert lengths[0] != pytest.approx(lengths[1], rel=1e-3)
    one = scale_of(parse_bone_length(f"left_hip:left_knee={lengths[0]!r}"), (), center, xyz)
    assert one.metres == pytest.approx(1 / UNIT, rel=1e-9)
    xyz[:, BODY_JOINTS.index("right_knee")] = np.nan  # then the other side is all there is
    both = scale_of(parse_bone_length(f"knee:hip={lengths[0]!r}"), (), center, xyz)
    assert both.metres == pytest.approx(1 / UNIT, rel=1e-9)
    assert both.source == "bone length given"
    assert 0.03 < both.sigma < 0.06
    shorter = scale_of(BoneLength(one_bone := (("left_ankle", "left_knee"),), 0.3), (), center, xyz)
    assert shorter.sigma > scale_of(BoneLength(one_bone, 0.45), (), center, xyz).sigma


def test_stature_and_population() -> None:
    rig, center, xyz = scene(2)
    stature = legs_and_trunk(xyz) / UNIT / LEGS_AND_TRUNK
    scale = scale_of(Stature(stature), rig.names, center, xyz)
    assert scale.metres == pytest.approx(1 / UNIT, rel=1e-9)
    assert scale.source == "stature given"
    prior = scale_of(None, rig.names, center, xyz)
    assert prior.source == "population prior"
    assert prior.sigma > 2 * scale.sigma > 0.04


def test_trunk_and_arms_serve_where_legs_are_never_seen() -> None:
    rig, center, xyz = scene(4)
    whole = scale_of(Stature(1.7), rig.names, center, xyz)
    xyz[:, [BODY_JOINTS.index(f"{s}_knee") for s in ("left", "right")]] = np.nan
    upper = scale_of(Stature(1.7), rig.names, center, xyz)
    stray = xyz.copy()
    stray[:2] = np.random.default_rng(0).normal(size=stray[:2].shape)
    assert scale_of(Stature(1.7), rig.names, center, stray).sigma == upper.sigma
    assert upper.sigma > whole.sigma
    assert upper.metres == pytest.approx(1.7 * TRUNK_AND_ARM / trunk_and_arm(xyz), rel=1e-9)
    assert upper.metres == pytest.approx(whole.metres, rel=3 * upper.sigma)


def test_what_was_never_measured_is_refused() -> None:
    rig, center, xyz = scene(3)
    xyz[:, [BODY_JOINTS.index(f"{s}_hip") for s in ("left", "right")]] = np.nan
    for reference in (None, Stature(1.7), parse_bone_length("hip:knee=0.43")):
        with pytest.raises(CalibrationError, match="to two cameras"):
            scale_of(reference, rig.names, center, xyz)


def test_texts() -> None:
    assert parse_camera_distance("cam01:cam03=4.2") == CameraDistance(("cam01", "cam03"), 4.2)
    assert parse_camera_distance(" GoPro 1 : left-cam = 12 m") == CameraDistance(
        ("GoPro 1", "left-cam"), 12.0
    )
    one = (("left_hip", "left_knee"),)
    assert parse_bone_length("left_hip:left_knee=0.43") == BoneLength(one, 0.43)
    assert parse_bone_length("left_knee:left_hip=.43") == BoneLength(one, 0.43)
    assert parse_bone_length("elbow:wrist=0.26").bones == (
        ("left_elbow", "left_wrist"),
        ("right_elbow", "right_wrist"),
    )


@pytest.mark.parametrize("text", ["4.2", "cam01=4.2", "cam01:cam03", "a:b=", "a:b=4,2", "a:b=-1"])
def test_a_distance_that_is_not_understood(text: str) -> None:
    with pytest.raises(UsageError, match=r'such as "cam01:cam03=4.2"'):
        parse_camera_distance(text)


def test_lengths_that_cannot_be() -> None:
    with pytest.raises(UsageError, match=r"two cameras and 0\.1 to 300 metres"):
        parse_camera_distance("cam01:cam01=4.2")
    with pytest.raises(UsageError, match=r"two cameras and 0\.1 to 300 metres"):
        parse_camera_distance("cam01:cam02=4200")
    with pytest.raises(UsageError, match=r"did you mean 0\.43"):
        parse_bone_length("hip:knee=43")
    with pytest.raises(UsageError, match=r"is not a bone.*\n.*known: shoulder:elbow"):
        parse_bone_length("left_hip:right_hip=0.3")
