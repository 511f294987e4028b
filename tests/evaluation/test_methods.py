"""Ways to triangulate as methods: exact, on the same joints, and what is refused."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from mocap_clips import clips
from people_in_views import walking_set

from gentri.data import FloatArray
from gentri.errors import InputError, UsageError, WeightsError
from gentri.evaluation import EvaluationSet, difference_mm, evaluate, summarise
from gentri.evaluation.methods import method
from gentri.evaluation.synthetic import suite, synthetic_sets
from gentri.ransac.candidate_scorer import CandidateScorer, Sizes
from gentri.ransac.estimators import METHODS
from gentri.ransac.scorer_file import write_scorer
from gentri.ransac.whole_pose import BODY12, WholePoseScorer
from gentri.skeletons import COCO17, H36M17
from gentri.synthetic import camera_ring, observe, walk


def points(name: str | Path, one: EvaluationSet) -> FloatArray:
    return method(name)(one.keypoints, one.rig)


def without(one: EvaluationSet, cameras: slice, joint: str) -> EvaluationSet:
    """Some cameras do not see a joint."""
    xy, score = one.keypoints.xy_px.copy(), one.keypoints.score.copy()
    j = COCO17.index(joint)
    xy[cameras, :, j], score[cameras, :, j] = np.nan, np.nan
    return replace(one, keypoints=replace(one.keypoints, xy_px=xy, score=score))


def shortened(one: EvaluationSet, ticks: int) -> EvaluationSet:
    k = one.keypoints
    xy, score, time_s = k.xy_px[:, :ticks], k.score[:, :ticks], k.time_s[:ticks]
    short = replace(k, xy_px=xy, score=score, time_s=time_s)
    return replace(one, keypoints=short, truth=one.truth[:ticks], clip=one.clip[:ticks])


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    network = CandidateScorer(Sizes(16, 16, 1, 1, True))
    write_scorer(network, tmp_path / "candidates.safetensors", {})
    return tmp_path / "candidates.safetensors"


@pytest.fixture
def whole_pose(tmp_path: Path) -> Path:
    write_scorer(WholePoseScorer(COCO17.name), tmp_path / "pose.safetensors", {})
    return tmp_path / "pose.safetensors"


@pytest.mark.parametrize("name", [n for n in METHODS if n not in ("priors", "learned")])
def test_exact_detections_give_the_truth(name: str) -> None:
    one = walking_set(clips=1, ticks=150)  # more than a chunk
    xyz = points(name, one)
    assert xyz.shape == one.truth.shape and xyz.dtype == np.float64
    assert np.nanmax(np.linalg.norm(xyz - one.truth, axis=-1)) < 1e-3


@pytest.mark.parametrize("name", METHODS)
def test_joints_are_not_measured_where_fewer_than_two_views_see_them(name: str) -> None:
    one = next(synthetic_sets(suite("sketch"), 4, clips(), 100))
    one = without(one, slice(1, None), "left_wrist")
    one = without(one, slice(2, None), "nose")
    seen = np.isfinite(one.keypoints.score).sum(axis=0) >= 2
    np.testing.assert_array_equal(np.isfinite(points(name, one)).all(axis=-1), seen)
    assert not seen[:, COCO17.index("left_wrist")].any() and seen[:, COCO17.index("nose")].any()


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_refused_by_angle(name: str) -> None:
    rng = np.random.default_rng(0)
    rig, person = camera_ring(2, arc_deg=3.0), walk(rng, 10)
    one = EvaluationSet("two", rig, observe(rig, person), person.xyz, np.zeros(10, np.int32))
    seen = np.isfinite(one.keypoints.score).all(axis=0)
    xyz = points(name, one)
    np.testing.assert_array_equal(np.isfinite(xyz).all(axis=-1), seen)


def test_where_no_views_agree_ransac_takes_all_of_them() -> None:
    one = walking_set(clips=1, cameras=2)
    xy = one.keypoints.xy_px.copy()
    knee = COCO17.index("left_knee")
    xy[0, :, knee, 1] += 400.0
    one = replace(one, keypoints=replace(one.keypoints, xy_px=xy))
    xyz, weighted = points("ransac", one), points("weighted", one)
    both = np.isfinite(one.keypoints.score[:, :, knee]).all(axis=0)
    assert both.any()
    np.testing.assert_allclose(xyz[both, knee], weighted[both, knee])
    assert np.linalg.norm(xyz[both, knee] - one.truth[both, knee], axis=-1).min() > 0.05


def test_methods_differ_as_is_known_of_them() -> None:
    sets = list(synthetic_sets(suite("sketch"), 4, clips(), 400))
    found = {name: evaluate(method(name), sets) for name in METHODS}
    mean = {name: summarise(errors).absolute_mm.mean for name, errors in found.items()}
    assert mean["dlt"] > 1.2 * mean["weighted"] > 1.2 * 1.2 * mean["ransac"]
    assert mean["weighted"] > 1.2 * mean["huber"] > 1.2 * mean["irls"]
    assert mean["ransac"] > mean["irls"] > 1.15 * mean["priors"]
    assert 40 < mean["dlt"] < 60 and 20 < mean["irls"] < 30
    assert {summarise(errors).coverage for errors in found.values()} == {
        summarise(found["dlt"]).coverage
    }
    for name in METHODS[1:]:
        assert difference_mm(found["dlt"], found[name]).low > 0
    assert mean["learned"] < 0.75 * mean["irls"]


def test_files_say_which_method_they_are_of(candidates: Path, whole_pose: Path) -> None:
    one = shortened(next(synthetic_sets(suite("sketch"), 3, clips(), 100)), 12)
    seen = np.isfinite(one.keypoints.score).sum(axis=0) >= 2
    for file in (candidates, whole_pose):
        xyz = points(file, one)
        np.testing.assert_array_equal(np.isfinite(xyz).all(axis=-1), seen)
        assert np.nanmedian(np.linalg.norm(xyz - one.truth, axis=-1)) < 0.2
        np.testing.assert_array_equal(points(str(file), one), xyz)
    assert not np.allclose(points(candidates, one), points(whole_pose, one), equal_nan=True)


def test_scorers_choose_as_they_are_told(candidates: Path, whole_pose: Path) -> None:
    one = shortened(next(synthetic_sets(suite("sketch"), 3, clips(), 100)), 12)
    for name, drawn in ((candidates, "sampled"), (whole_pose, "random"), ("learned", "sampled")):
        average = points(name, one)
        found = {choice: points(f"{name}:{choice}", one) for choice in ("average", "best", drawn)}
        np.testing.assert_array_equal(found["average"], average)
        np.testing.assert_array_equal(found[drawn], points(f"{name}:{drawn}", one))  # seeded
        for xyz in found.values():
            np.testing.assert_array_equal(np.isfinite(xyz), np.isfinite(average))
        for a, b in combinations(found.values(), 2):
            assert not np.allclose(a, b, equal_nan=True)


def test_the_average_of_candidates_is_better_than_the_best_and_that_than_one_drawn() -> None:
    sets = [shortened(one, 40) for one in synthetic_sets(suite("sketch"), 4, clips(), 100)]
    average, best, sampled = (
        summarise(evaluate(method(name), sets)).absolute_mm.mean
        for name in ("learned", "learned:best", "learned:sampled")
    )
    assert average < best < sampled < 2 * average


def test_a_scorer_of_poses_needs_the_joints_that_it_sees(whole_pose: Path) -> None:
    one = walking_set(clips=1)
    other = replace(one.keypoints, skeleton=H36M17)
    words = r"scores poses of coco17, the detections are of h36m17, without nose.*\n.*=body12\)"
    with pytest.raises(InputError, match=words):
        method(whole_pose)(other, one.rig)


def test_twelve_joints_are_enough_to_score_poses_of_any_set(tmp_path: Path) -> None:
    one = shortened(walking_set(clips=1), 12)
    file = tmp_path / "body.safetensors"
    write_scorer(WholePoseScorer(BODY12.name), file, {})
    xyz = points(f"{file}:best", one)
    assert np.nanmax(np.linalg.norm(xyz - one.truth, axis=-1)) < 1e-3
    order = [COCO17.index(j) if j in COCO17.joints else 0 for j in H36M17.joints]
    k = one.keypoints
    keypoints = replace(k, xy_px=k.xy_px[:, :, order], score=k.score[:, :, order], skeleton=H36M17)
    other = method(f"{file}:best")(keypoints, one.rig)
    assert np.nanmax(np.linalg.norm(other - one.truth[:, order], axis=-1)) < 1e-3


def test_what_is_no_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown method: irl\n.*did you mean irls"):
        method("irl")
    with pytest.raises(UsageError, match=r"known: dlt, .*FILE\.safetensors"):
        method("nonsense")
    with pytest.raises(UsageError, match=r"unknown choice of irls: best\n.*known: average"):
        method("irls:best")
    with pytest.raises(UsageError, match=r"unknown choice of learned: bets\n.*did you mean best"):
        method("learned:bets")
    (tmp_path / "no.safetensors").write_bytes(b"none")
    with pytest.raises(WeightsError, match="is not a weight file of a scorer"):
        method(tmp_path / "no.safetensors")
    with pytest.raises(WeightsError, match="is not a weight file of a scorer"):
        method(tmp_path / "absent.safetensors")
