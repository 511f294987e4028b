"""Several recordings of the same cameras."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Intrinsics, Keypoints2D, Rig
from gentri.errors import CalibrationError, InputError
from gentri.geometry.calibration import CalibratedViews, calibrate_views
from gentri.geometry.comparison import compare_rigs
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.sample import BONES, choose_sample
from gentri.geometry.world import rig_in_world, world_of_person
from gentri.skeletons import COCO17

OPTIONS = CalibrationOptions(
    frames=20,
    focal_prior=1.2,
    focal_sigma=0.3,
    focal_sharing="auto",
    distortion_sigma=0.1,
    center_sigma=0.01,
    bone_sigma=0.05,
    seed=0,
)
BODY = slice(12)  # its joints come first


def take(
    rig: Rig, rng: np.random.Generator, ticks: int = 60, stature_m: float = 1.75
) -> Keypoints2D:
    return synthetic.observe(rig, synthetic.walk(rng, ticks=ticks, stature_m=stature_m))


def scene(seed: int, takes: int, count: int = 4) -> tuple[Rig, list[Keypoints2D]]:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, count, arc_deg=150.0 if count < 4 else 360.0)
    return rig, [take(rig, rng) for _ in range(takes)]


def only(keypoints: Keypoints2D, *cameras: int) -> Keypoints2D:
    """The same recording by some of the cameras."""
    at = list(cameras)
    return Keypoints2D(
        keypoints.xy_px[at],
        keypoints.score[at],
        keypoints.time_s,
        tuple(keypoints.cameras[c] for c in at),
        keypoints.size_px[at],
        keypoints.skeleton,
    )


def nobody(keypoints: Keypoints2D) -> Keypoints2D:
    """The same recording without its person."""
    return replace(
        keypoints,
        xy_px=np.full_like(keypoints.xy_px, np.nan),
        score=np.full_like(keypoints.score, np.nan),
    )


def joined(takes: list[Keypoints2D]) -> Keypoints2D:
    """All in one, as if they showed one person."""
    first = takes[0]
    return Keypoints2D(
        np.concatenate([t.xy_px for t in takes], axis=1),
        np.concatenate([t.score for t in takes], axis=1),
        np.concatenate([t.time_s + 100.0 * i for i, t in enumerate(takes)]),
        first.cameras,
        first.size_px,
        first.skeleton,
    )


def as_rig(found: CalibratedViews, size_px: np.ndarray) -> Rig:
    world = world_of_person(found.views, found.xyz, 1.75)
    return rig_in_world(found.views, world, found.cameras, size_px)


def told(rig: Rig) -> dict[str, Intrinsics]:
    return {c.name: Intrinsics(c.width, c.height, c.K, c.dist, "given", 0.0) for c in rig.cameras}


# The frames that are looked at.


def test_a_sample_holds_the_frames_of_every_take_in_turn() -> None:
    _, takes = scene(0, 3)
    sample = choose_sample(takes, 20, {})
    assert np.bincount(sample.take).tolist() == [20, 20, 20]
    assert (np.diff(sample.take) >= 0).all()
    assert sample.takes == 3
    for i, keypoints in enumerate(takes):
        now = sample.take == i
        ticks = sample.frames[now]
        assert (np.diff(ticks) > 0).all()
        np.testing.assert_array_equal(sample.time_s[now], keypoints.time_s[ticks])
        expected = keypoints.xy_px[:, ticks][:, :, COCO17.body]
        seen = sample.seen[:, now][:, :, BODY]
        np.testing.assert_array_equal(seen, np.isfinite(expected[..., 0]))
        np.testing.assert_array_equal(sample.xy_px[:, now][:, :, BODY][seen], expected[seen])


def test_each_take_is_chosen_from_as_if_alone() -> None:
    _, takes = scene(1, 2)
    both = choose_sample(takes, 15, {})
    for i, keypoints in enumerate(takes):
        alone = choose_sample([keypoints], 15, {})
        np.testing.assert_array_equal(both.frames[both.take == i], alone.frames)


def test_cameras_that_are_missing_in_a_take_see_nothing_in_it() -> None:
    """Cameras by name, whatever their order in a take; those of all takes together."""
    _, (first, second) = scene(2, 2)
    sample = choose_sample([only(first, 1, 0, 2), only(second, 3, 2, 0)], 20, {})
    assert sample.cameras == ("cam1", "cam0", "cam2", "cam3")
    seen = [[bool(sample.seen[c, sample.take == i].any()) for i in (0, 1)] for c in range(4)]
    assert seen == [[True, False], [True, True], [True, True], [False, True]]
    ticks = sample.frames[sample.take == 1]
    np.testing.assert_array_equal(
        sample.xy_px[3, sample.take == 1][:, BODY], second.xy_px[3, ticks][:, COCO17.body]
    )
    assert np.isfinite(sample.sigma_px).all()


def test_pictures_of_another_size_in_another_take_are_refused() -> None:
    _, (first, second) = scene(3, 2)
    size = second.size_px.copy()
    size[2] = (1280, 720)
    with pytest.raises(InputError, match=r"cam2.*1920×1080.*1280×720"):
        choose_sample([first, replace(second, size_px=size)], 20, {})


def test_short_takes_count_together() -> None:
    """Six frames and five are eleven; six and three are too few, and the message says how many."""
    _, takes = scene(4, 2)

    def first_ticks(keypoints: Keypoints2D, count: int) -> Keypoints2D:
        return Keypoints2D(
            keypoints.xy_px[:, :count],
            keypoints.score[:, :count],
            keypoints.time_s[:count],
            keypoints.cameras,
            keypoints.size_px,
            keypoints.skeleton,
        )

    enough = [first_ticks(t, n) for t, n in zip(takes, (6, 5), strict=True)]
    assert len(choose_sample(enough, 20, {}).frames) == 11
    few = [first_ticks(t, n) for t, n in zip(takes, (6, 3), strict=True)]
    with pytest.raises(CalibrationError, match="only 9 frames"):
        choose_sample(few, 20, {})


def test_takes_keep_their_numbers_when_one_of_them_shows_nobody() -> None:
    """Who asks for the frames used of take 1 means the second of those given."""
    _, takes = scene(5, 3)
    sample = choose_sample([nobody(takes[0]), takes[1], takes[2]], 20, {})
    assert np.unique(sample.take).tolist() == [1, 2]
    found = calibrate_views([nobody(takes[0]), takes[1]], OPTIONS)
    assert (found.take == 1).all()


# Rigs.


def test_two_exact_takes_give_an_exact_rig() -> None:
    rig, takes = scene(6, 2)
    found = calibrate_views(takes, OPTIONS)
    error = compare_rigs(as_rig(found, takes[0].size_px), rig)
    assert error.rotation_deg.max() < 0.01
    assert error.focal_percent.max() < 0.1
    assert np.bincount(found.take).tolist() == [20, 20]
    assert found.xyz.shape == (40, 12, 3)


def bones_of(found: CalibratedViews, number: int) -> np.ndarray:
    """Median lengths (B,) in a take, rig units."""
    xyz = found.xyz[found.take == number]
    return np.nanmedian(np.linalg.norm(xyz[:, BONES[:, 0]] - xyz[:, BONES[:, 1]], axis=-1), axis=0)


def test_every_take_has_a_person_of_its_own() -> None:
    """A child and an adult, bones held to 0.5 %: right as two takes, bent to one size as one."""
    rng = np.random.default_rng(7)
    rig = synthetic.random_ring(rng, 4)
    walks = [synthetic.walk(rng, ticks=60, stature_m=s) for s in (1.2, 1.9)]
    takes = [synthetic.observe(rig, walk) for walk in walks]
    body = [walk.xyz[0][COCO17.body][BONES] for walk in walks]
    length = [np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1) for ends in body]
    rigid = replace(OPTIONS, bone_sigma=0.005)
    apart = calibrate_views(takes, rigid, told(rig))
    np.testing.assert_allclose(
        bones_of(apart, 1) / bones_of(apart, 0), length[1] / length[0], rtol=1e-3
    )
    assert compare_rigs(as_rig(apart, takes[0].size_px), rig).rotation_deg.max() < 0.01
    together = calibrate_views([joined(takes)], replace(rigid, frames=40), told(rig))
    assert np.nanmax(apart.residual_px) < 0.01
    assert np.nanmedian(together.residual_px) > 10 * np.nanmedian(apart.residual_px)


def test_a_rig_from_takes_that_no_single_one_of_them_connects() -> None:
    """cam0 to cam2 in one take, cam1 to cam3 in the other."""
    rig, (first, second) = scene(8, 2)
    found = calibrate_views([only(first, 0, 1, 2), only(second, 1, 2, 3)], OPTIONS)
    assert found.cameras == rig.names
    error = compare_rigs(as_rig(found, first.size_px), rig)
    assert error.rotation_deg.max() < 0.02
    assert error.focal_percent.max() < 0.2


def test_takes_without_a_common_camera_cannot_be_joined() -> None:
    _, (first, second) = scene(9, 2)
    with pytest.raises(CalibrationError, match="no position was found"):
        calibrate_views([only(first, 0, 1), only(second, 2, 3)], OPTIONS)


def test_pooling_five_takes_is_better_than_one() -> None:
    """Noise that is new in each frame: the error falls with the root of the number of frames.

    To 1/√5 = 0.45 of one take; the bar is half-way between that and no gain at all.
    """
    few = replace(OPTIONS, frames=10)
    errors = []
    for seed in range(5):
        rig, takes = scene(20 + seed, 5, count=3)
        rng = np.random.default_rng(seed)
        noisy = [synthetic.degrade(t, rng, noise_px=4.0) for t in takes]
        known = told(rig)
        errors.append(
            [
                np.median(
                    compare_rigs(
                        as_rig(calibrate_views(some, few, known), takes[0].size_px), rig
                    ).rotation_deg
                )
                for some in (noisy[:1], noisy)
            ]
        )
    one, five = np.median(errors, axis=0)
    assert five < 0.72 * one


@pytest.mark.slow
def test_pooling_helps_when_nothing_is_known_of_the_lenses() -> None:
    few = replace(OPTIONS, frames=12)
    errors = []
    for seed in range(4):
        rig, takes = scene(40 + seed, 5, count=3)
        rng = np.random.default_rng(seed)
        noisy = [synthetic.degrade(t, rng, noise_px=4.0) for t in takes]
        rigs = [as_rig(calibrate_views(some, few), takes[0].size_px) for some in (noisy[:1], noisy)]
        compared = [compare_rigs(r, rig) for r in rigs]
        errors.append([(np.median(c.rotation_deg), c.focal_percent.mean()) for c in compared])
    one, five = np.median(errors, axis=0)
    assert five[0] < one[0]
    assert five[1] < one[1]


def test_the_order_of_the_takes_does_not_matter() -> None:
    _, takes = scene(11, 2, count=3)
    few = replace(OPTIONS, frames=12)
    rng = np.random.default_rng(11)
    takes = [synthetic.degrade(t, rng, noise_px=2.0) for t in takes]
    a, b = (as_rig(calibrate_views(t, few), takes[0].size_px) for t in (takes, takes[::-1]))
    error = compare_rigs(b, a)
    assert error.rotation_deg.max() < 0.02
    assert error.focal_percent.max() < 0.1


def test_a_take_of_one_frame_between_long_ones() -> None:
    """The search for a start skips frames, and with them this take."""
    rig, takes = scene(12, 2, count=3)
    rng = np.random.default_rng(12)
    takes = [take(rig, rng, ticks=101), take(rig, rng, ticks=1), take(rig, rng, ticks=101)]
    found = calibrate_views(takes, replace(OPTIONS, frames=101), told(rig))
    assert np.bincount(found.take).tolist() == [101, 1, 101]
    assert compare_rigs(as_rig(found, takes[0].size_px), rig).rotation_deg.max() < 0.01
