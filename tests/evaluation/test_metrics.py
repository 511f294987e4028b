"""Errors by hand, laws of alignment, and what is not measured."""

import numpy as np
import pytest

from gentri.evaluation import metrics
from gentri.geometry.comparison import similarity
from gentri.skeletons import COCO17, H36M17, Skeleton


def poses(seed: int = 0, ticks: int = 6, joints: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (ticks, joints, 3))


def turned(xyz: np.ndarray, seed: int, scale: float) -> np.ndarray:
    """Each pose rotated, scaled and moved, by motions of its own."""
    rng = np.random.default_rng(seed)
    out = []
    for pose in xyz:
        Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        out.append(scale * pose @ (Q * np.sign(np.linalg.det(Q))) + rng.normal(size=3))
    return np.stack(out)


def test_errors_are_distances_and_the_mean_is_over_what_was_measured() -> None:
    truth = poses()
    xyz = truth + np.array([0.03, 0.0, 0.04])
    xyz[0, 0] = np.nan
    xyz[1, 2, 1] = np.nan
    error = metrics.absolute_errors(xyz, truth)
    assert np.isnan(error).sum() == 2
    assert metrics.mean_error(error) == pytest.approx(0.05)
    known = np.ones(error.shape, dtype=bool)
    assert metrics.coverage(error, known) == pytest.approx(1 - 2 / error.size)
    assert np.isnan(metrics.mean_error(np.full((2, 3), np.nan)))


@pytest.mark.parametrize("skeleton", [COCO17, H36M17], ids=["hips", "pelvis"])
def test_relative_errors_forget_where_the_person_is(skeleton) -> None:
    truth = poses()
    shift = np.random.default_rng(1).normal(size=(len(truth), 1, 3))
    assert metrics.relative_errors(truth + shift, truth, skeleton).max() < 1e-12
    wrong = truth.copy()
    wrong[:, skeleton.index("left_knee"), 0] += 0.1
    error = metrics.relative_errors(wrong + shift, truth, skeleton)
    assert error[:, skeleton.index("left_knee")] == pytest.approx(0.1)
    assert np.delete(error, skeleton.index("left_knee"), axis=1).max() < 1e-12


def test_the_pelvis_is_the_middle_of_the_hips_where_there_is_none() -> None:
    xyz = poses()
    left, right = (xyz[:, COCO17.index(f"{s}_hip")] for s in ("left", "right"))
    np.testing.assert_allclose(metrics.pelvis(xyz, COCO17), (left + right) / 2)
    with_pelvis = poses(1)
    with_pelvis[0, H36M17.index("hip")] = np.nan
    found = metrics.pelvis(with_pelvis, H36M17)
    np.testing.assert_allclose(found[1:], with_pelvis[1:, H36M17.index("hip")])
    assert np.isfinite(found[0]).all()
    xyz[2, COCO17.index("left_hip")] = np.nan
    assert np.isnan(metrics.relative_errors(xyz, poses(), COCO17)[2]).all()


def test_errors_relative_to_a_pelvis_that_no_joint_shows_are_not_measured() -> None:
    arm = Skeleton("arm", ("right_shoulder", "right_elbow", "right_wrist"), ())
    truth = poses(joints=3)
    assert np.isnan(metrics.relative_errors(truth, truth, arm)).all()
    assert metrics.absolute_errors(truth, truth).max() == 0
    one_hip = Skeleton("leg", ("right_hip", "right_knee", "hip"), ())
    np.testing.assert_array_equal(metrics.pelvis(truth, one_hip), truth[:, 2])


def test_aligned_errors_forget_place_attitude_and_size() -> None:
    truth = poses()
    assert metrics.aligned_errors(turned(truth, 3, 0.7), truth).max() < 1e-12
    assert metrics.aligned_errors(turned(truth, 3, 1.0) * [1, 1, -1], truth).mean() > 0.05


def test_alignment_of_all_poses_is_that_of_each() -> None:
    truth, xyz = poses(), poses(1) + poses()
    expected = []
    for a, b in zip(xyz, truth, strict=True):
        scale, R, t = similarity(a, b)
        expected.append(scale * a @ R.T + t)
    np.testing.assert_allclose(metrics.procrustes(xyz, truth), expected, atol=1e-12)


def test_alignment_is_by_the_joints_that_both_have() -> None:
    truth = poses()
    xyz = turned(truth, 2, 1.3)
    xyz[0, 5:] = np.nan
    truth[1, :4] = np.nan
    xyz[2, 2:] = np.nan  # two points are too few
    error = metrics.aligned_errors(xyz, truth)
    assert np.isfinite(error).sum(axis=1).tolist() == [5, 13, 0, 17, 17, 17]
    assert np.nanmax(error) < 1e-12


def test_pck_counts_what_is_missing_as_wrong() -> None:
    error = np.array([[0.1, 0.2, np.nan, 0.15], [0.0, 0.01, 0.3, np.nan]])
    known = np.array([[True, True, True, True], [True, True, True, False]])
    assert metrics.pck(error, known) == pytest.approx(4 / 7)
    assert metrics.pck(error, known, 0.05) == pytest.approx(2 / 7)
    assert np.isnan(metrics.pck(error, np.zeros_like(known)))


def test_the_area_is_one_for_no_error_and_none_beyond_the_threshold() -> None:
    known = np.ones((2, 3), dtype=bool)
    assert metrics.auc(np.zeros((2, 3)), known) == 1
    assert metrics.auc(np.full((2, 3), 0.151), known) == 0
    # Right at 75 mm and beyond: 16 of 31 thresholds.
    assert metrics.auc(np.full((2, 3), 0.0749), known) == pytest.approx(16 / 31)
