"""Methods on sets: exact cases, the same frames for all, and tables."""

from dataclasses import replace

import numpy as np
import pytest
from people_in_views import triangulated, walking_set

from gentri.evaluation import (
    EvaluationSet,
    difference_mm,
    evaluate,
    joined,
    joint_table,
    mapped,
    summarise,
    table,
)
from gentri.skeletons import COCO17, H36M17


def test_exact_detections_give_no_error() -> None:
    errors = evaluate(triangulated, [walking_set(clips=2), walking_set(1, clips=3)])
    found = summarise(errors)
    assert len(np.unique(errors.clip)) == 5
    assert found.absolute_mm.mean < 0.01
    assert found.pck == 1
    assert found.coverage > 0.95


def test_a_method_sees_one_clip_at_a_time() -> None:
    one = walking_set(clips=3, ticks=7)
    seen = []

    def method(keypoints, rig):
        seen.append((keypoints.xy_px.shape, float(keypoints.time_s[0])))
        return np.zeros((len(keypoints.time_s), 17, 3))

    evaluate(method, [one])
    assert seen == [((4, 7, 17, 2), 0.0)] * 3


def test_errors_are_those_that_were_made() -> None:
    one = walking_set(clips=4)
    truths = iter([truth for _, truth in one.parts()])

    def shifted(keypoints, rig):
        xyz = next(truths) + np.array([0.0, 0.019, 0.0])
        xyz[:, 3] = np.nan
        return xyz

    found = summarise(evaluate(shifted, [one]))
    assert found.absolute_mm.mean == pytest.approx(19)
    assert found.relative_mm.mean == pytest.approx(0, abs=1e-9)
    assert found.aligned_mm.mean == pytest.approx(0, abs=1e-9)
    assert found.p99_mm == pytest.approx(19)
    assert found.coverage == pytest.approx(16 / 17)
    assert found.pck == pytest.approx(16 / 17)
    assert found.auc == pytest.approx(16 / 17 * 27 / 31)  # right from 20 mm on


def test_only_ticks_with_truth_are_asked() -> None:
    one = walking_set(clips=2, ticks=10).asked_every(4)
    ticks = []

    def method(keypoints, rig):
        ticks.append(len(keypoints.time_s))
        return triangulated(keypoints, rig)

    errors = evaluate(method, [one])
    assert ticks == [10, 10]
    assert errors.clip.tolist() == [0, 0, 0, 1, 1, 1]


def test_differences_are_of_the_same_frames() -> None:
    one = walking_set(clips=6)
    good = evaluate(triangulated, [one])
    bad = evaluate(lambda k, r: triangulated(k, r) + np.array([0.01, 0, 0]), [one])
    found = difference_mm(bad, good)
    assert found.mean == pytest.approx(10, abs=0.01)
    assert found.low == pytest.approx(10, abs=0.01)
    with pytest.raises(ValueError, match="not evaluated on the same sets"):
        difference_mm(bad, evaluate(triangulated, [walking_set(clips=5)]))


def test_fewer_cameras_of_the_same_set() -> None:
    one = walking_set()
    names = (one.rig.names[2], one.rig.names[0])
    two = one.select(names)
    assert two.rig.names == two.keypoints.cameras == names
    assert summarise(evaluate(triangulated, [two])).absolute_mm.mean < 0.02


def test_tables_name_methods_and_joints() -> None:
    one = walking_set(clips=3)
    truth = one.truth.copy()
    truth[:, COCO17.index("nose")] = np.nan
    one = replace(one, truth=truth)

    def partly(keypoints, rig):
        xyz = triangulated(keypoints, rig) + np.array([0.03, 0.0, 0.0])
        xyz[::2, COCO17.index("left_knee")] = np.nan
        return xyz

    results = {"plain": evaluate(triangulated, [one]), "partly": evaluate(partly, [one])}
    lines = table(results).splitlines()
    assert lines[0].split()[:3] == ["method", "absolute", "mm"]
    assert lines[1].startswith("plain")
    assert "30.0 [30.0, 30.0]" in lines[2]
    rows = {line.split()[0]: line.split()[1:] for line in joint_table(results).splitlines()}
    assert "nose" not in rows
    assert rows["left_knee"] == ["0.0", "30.0", "(50.0", "%)"]
    assert rows["left_hip"] == ["0.0", "30.0"]


def test_joints_are_mapped_by_name() -> None:
    xyz = np.random.default_rng(0).normal(size=(3, 17, 3))
    found = mapped(xyz, H36M17.joints, COCO17)
    for joint in ("left_wrist", "right_ankle"):
        np.testing.assert_array_equal(found[:, COCO17.index(joint)], xyz[:, H36M17.index(joint)])
    assert np.isnan(found[:, COCO17.index("nose")]).all()
    assert np.isfinite(found[..., 0]).sum() == 3 * 12


def test_what_does_not_fit_is_refused() -> None:
    one = walking_set(clips=2)
    with pytest.raises(ValueError, match="must stand together"):
        replace(one, clip=one.clip[::-1].copy())
    with pytest.raises(ValueError, match=r"EvaluationSet\.truth"):
        replace(one, truth=one.truth[:, :16])
    with pytest.raises(ValueError, match="the rig has"):
        replace(one, rig=one.rig.select(one.rig.names[:3]))
    with pytest.raises(ValueError, match=r"gave \(20, 3\), not \(20, 17, 3\)"):
        evaluate(lambda k, r: np.zeros((20, 3)), [one])
    with pytest.raises(ValueError, match="one joint set is needed"):
        evaluate(triangulated, [])
    other = replace(one.keypoints, skeleton=H36M17)
    mixed = EvaluationSet("other", one.rig, other, one.truth, one.clip)
    with pytest.raises(ValueError, match="one joint set is needed"):
        evaluate(triangulated, [one, mixed])
    assert len(joined("again", one.rig, list(one.parts())).clip) == len(one.clip)
