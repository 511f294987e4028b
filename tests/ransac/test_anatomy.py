import torch

from gentri.ransac.anatomy import ELSE, KINDS, Anatomy, kind_of
from gentri.skeletons import COCO17, HALPE26, SKELETONS, Skeleton


def test_kinds_are_told_by_name_alone():
    assert kind_of("left_knee") == kind_of("right_knee") == KINDS.index("knee")
    assert kind_of("face_3") == kind_of("left_hand_20") == ELSE


def test_only_kinds_that_training_teaches_have_a_name():
    assert {kind_of(joint) for joint in COCO17.joints} == set(range(len(KINDS)))
    assert kind_of("neck_base") == kind_of("spine") == kind_of("left_big_toe") == ELSE


def test_neighbours_are_the_bones_of_a_joint():
    anatomy = Anatomy.of(COCO17)
    elbow = COCO17.index("left_elbow")
    present = anatomy.present[elbow]
    joints = {COCO17.joints[i] for i in anatomy.neighbour[elbow][present]}
    assert joints == {"left_shoulder", "left_wrist"}
    for bone, joint in zip(
        anatomy.bone[elbow][present], anatomy.neighbour[elbow][present], strict=True
    ):
        assert set(anatomy.ends[bone].tolist()) == {elbow, int(joint)}


def test_every_known_joint_set_has_an_anatomy():
    for skeleton in SKELETONS.values():
        anatomy = Anatomy.of(skeleton)
        assert anatomy.present.sum() == 2 * len(skeleton.limbs)
        assert len(anatomy.trunk) == 4
        # A limb has as many joints on one side as on the other.
        assert torch.equal(anatomy.limb[:, anatomy.mirror], anatomy.limb)


def test_feet_go_with_the_leg():
    legs = Anatomy.of(HALPE26).limb[1]
    assert legs[HALPE26.index("left_heel")]
    assert not legs[HALPE26.index("left_wrist")]


def test_a_joint_set_without_bones_or_trunk():
    anatomy = Anatomy.of(Skeleton("two", ("left_a", "right_a"), ()))
    assert not anatomy.present.any()
    assert not len(anatomy.trunk)
