import numpy as np
import pytest

from gentri.geometry.cameras import project
from gentri.skeletons import COCO17
from gentri.synthetic import (
    camera_ring,
    degrade,
    dotted_video,
    joint_colors,
    observe,
    random_ring,
    walk,
)


def limb_lengths(xyz):
    a, b = COCO17.limb_indices.T
    return np.linalg.norm(xyz[:, a] - xyz[:, b], axis=-1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("on_the_spot", [False, True])
def test_limbs_keep_their_length_and_feet_their_floor(seed, on_the_spot):
    motion = walk(np.random.default_rng(seed), 120, on_the_spot=on_the_spot)
    lengths = limb_lengths(motion.xyz)
    np.testing.assert_allclose(lengths, lengths[:1].repeat(120, axis=0), atol=1e-12)
    ankles = motion.xyz[:, [COCO17.index("left_ankle"), COCO17.index("right_ankle")], 2]
    np.testing.assert_allclose(ankles.min(axis=1), 0.039 * 1.75, atol=1e-12)
    assert motion.xyz[..., 2].max() < 1.3 * motion.stature_m  # arms may be raised, nothing higher


def test_the_walk_covers_metres_and_marching_does_not():
    for seed in range(5):
        hips = walk(np.random.default_rng(seed)).xyz[:, COCO17.index("left_hip")]
        assert np.ptp(hips[:, :2], axis=0).max() > 1.8
        marching = walk(np.random.default_rng(seed), on_the_spot=True)
        assert np.ptp(marching.xyz[:, COCO17.index("left_hip"), :2], axis=0).max() < 0.2


def test_walks_face_forward_with_left_on_the_left():
    for seed in range(5):
        xyz = walk(np.random.default_rng(seed), 100).xyz
        hips = xyz[:, [COCO17.index("left_hip"), COCO17.index("right_hip")]]
        forward = np.diff(hips.mean(axis=1), axis=0)[:, :2]
        left = (hips[:-1, 0] - hips[:-1, 1])[:, :2]
        turn = forward[:, 0] * left[:, 1] - forward[:, 1] * left[:, 0]
        assert (turn > 0).all()
        nose = xyz[:-1, COCO17.index("nose")] - hips[:-1].mean(axis=1)
        assert ((nose[:, :2] * forward).sum(axis=-1) > 0).all()


def test_stature_scales_the_body():
    tall, small = (walk(np.random.default_rng(3), 5, stature_m=s) for s in (2.0, 1.0))
    np.testing.assert_allclose(limb_lengths(tall.xyz), 2 * limb_lengths(small.xyz), atol=1e-12)


def test_same_seed_same_scene_other_seed_another():
    a, b, c = (walk(np.random.default_rng(s), 10).xyz for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.allclose(a, c)


def test_cameras_look_at_the_person_upright():
    rig = camera_ring(5, radius_m=(3, 4, 5, 6, 7), height_m=2.0, focal_px=900.0)
    for camera, radius in zip(rig.cameras, (3, 4, 5, 6, 7), strict=True):
        np.testing.assert_allclose(np.linalg.norm(camera.center[:2]), radius)
        np.testing.assert_allclose(np.linalg.det(camera.cam_from_world.R), 1.0)
        np.testing.assert_allclose(project(camera, np.array([0.0, 0.0, 0.9])), [959.5, 539.5])
        assert project(camera, np.array([0.0, 0.0, 1.9]))[1] < 539.5  # up in the world is up


def test_an_arc_includes_its_ends():
    rig = camera_ring(3, arc_deg=100.0, start_deg=0.0)
    azimuths = [np.degrees(np.arctan2(c.center[1], c.center[0])) for c in rig.cameras]
    np.testing.assert_allclose(azimuths, [0.0, 50.0, 100.0], atol=1e-9)


def test_observations_are_exact_and_complete():
    rng = np.random.default_rng(0)
    motion, rig = walk(rng, 50), random_ring(rng, 4, dist=(-0.2, 0.05, 1e-3, -1e-3, 0.0))
    seen = observe(rig, motion)
    for c, camera in enumerate(rig.cameras):
        np.testing.assert_allclose(seen.xy_px[c], project(camera, motion.xyz), atol=1e-4)
    assert (seen.score == 1).all()


def test_outside_the_image_is_not_seen():
    motion = walk(np.random.default_rng(0), 50)
    seen = observe(camera_ring(4, focal_px=4000.0), motion)
    unseen = np.isnan(seen.xy_px[..., 0])
    assert 0.2 < unseen.mean() < 0.9
    assert np.array_equal(unseen, np.isnan(seen.score))
    assert np.nanmax(seen.xy_px[..., 0]) <= 1919.5


def test_faults_occur_as_often_as_asked():
    rng = np.random.default_rng(0)
    exact = observe(camera_ring(4), walk(rng, 300))
    noisy = degrade(exact, rng, noise_px=3.0)
    assert np.std(noisy.xy_px - exact.xy_px) == pytest.approx(3.0, rel=0.02)
    lost = degrade(exact, rng, dropout=0.2)
    assert np.isnan(lost.xy_px[..., 0]).mean() == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(np.isnan(lost.xy_px[..., 0]), np.isnan(lost.score))
    thrown = degrade(exact, rng, outliers=0.1)
    moved = np.abs(thrown.xy_px - exact.xy_px).max(axis=-1) > 0
    assert moved.mean() == pytest.approx(0.1, abs=0.01)
    swapped = degrade(exact, rng, swaps=0.3)
    wrist = COCO17.index("left_wrist")
    exchanged = (swapped.xy_px[:, :, wrist] == exact.xy_px[:, :, COCO17.mirror[wrist]]).all(axis=-1)
    assert exchanged.mean() == pytest.approx(0.3, abs=0.05)
    nose = COCO17.index("nose")
    assert np.array_equal(swapped.xy_px[:, :, nose], exact.xy_px[:, :, nose])


def test_scores_tell_good_from_bad():
    rng = np.random.default_rng(0)
    exact = observe(camera_ring(4), walk(rng, 300))
    seen = degrade(exact, rng, noise_px=4.0, outliers=0.1)
    error = np.linalg.norm(seen.xy_px - exact.xy_px, axis=-1)
    assert np.median(seen.score[error < 10]) > np.median(seen.score[error > 60]) + 0.2
    assert seen.score.min() > 0
    assert seen.score.max() <= 1


def test_dots_lie_where_the_joints_are():
    rig = camera_ring(2, size_px=(320, 240), focal_px=260.0)
    seen = observe(rig, walk(np.random.default_rng(0), 3))
    frames = list(dotted_video(seen, 1, radius_px=1.5))
    assert [f.shape for f in frames] == [(240, 320, 3)] * 3
    last = len(COCO17) - 1  # drawn last, so nothing covers it
    rows, columns = np.nonzero((frames[2] == joint_colors(last + 1)[last]).all(axis=-1))
    center = np.array([columns.mean(), rows.mean()])
    np.testing.assert_allclose(center, seen.xy_px[1, 2, last], atol=0.5)
