"""What the tests of a rig look at: moments, predictions, extents, uncertainty, coverage."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import FloatArray, Keypoints2D, Rig
from gentri.geometry.trust import degeneracy
from gentri.geometry.trust.coverage import coverage
from gentri.geometry.trust.evidence import Evidence, Tracks, unswapped
from gentri.geometry.trust.held_out import predict
from gentri.geometry.trust.model import Fit, plain
from gentri.geometry.trust.refit import begin, information, refit

NOTHING_USED = np.zeros(0, dtype=np.int64)
UNKNOWN = np.full(4, np.nan)  # what the calibration has for the spread of the focal lengths


def scene(seed: int, count: int = 4, ticks: int = 120) -> tuple[Rig, Keypoints2D, synthetic.Walk]:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, count)
    walk = synthetic.walk(rng, ticks)
    return rig, synthetic.observe(rig, walk), walk


def poses(rig: Rig) -> tuple[FloatArray, FloatArray]:
    motions = [c.cam_from_world for c in rig.cameras]
    return np.stack([m.R for m in motions]), np.stack([m.t for m in motions])


def adjusted(rig: Rig, keypoints: Keypoints2D) -> tuple[Evidence, Fit, FloatArray]:
    """Moments, the rig adjusted to them, and its focal lengths, px."""
    seen = Tracks([keypoints], rig).gather([NOTHING_USED])
    fit = refit(seen, plain(seen), begin(seen, plain(seen), *poses(rig)))
    return seen, fit, np.array([c.K[0, 0] for c in rig.cameras])


def test_moments_are_held_out_where_enough_are() -> None:
    rig, keypoints, _ = scene(1)
    used = np.arange(0, 120, 2)
    seen = Tracks([keypoints], rig).gather([used])
    assert seen.held_out
    assert not np.isin(np.round(seen.time_s * 10), used).any()
    assert not Tracks([keypoints], rig).gather([np.arange(100)]).held_out


def test_reading_between_ticks_and_across_gaps() -> None:
    rig, keypoints, _ = scene(2, ticks=40)
    xy = keypoints.xy_px.copy()
    xy[0, 11] = np.nan
    time_s = keypoints.time_s.copy()
    time_s[21:] += 1.0
    tracks = Tracks([replace(keypoints, xy_px=xy, time_s=time_s)], rig)
    at = np.array([1.0, 0.5, 0.55, 1.05, 2.5, -0.1])
    take = np.zeros(len(at), dtype=np.int64)
    seen = tracks.read(take, at, np.zeros((4, len(at))), held_out=True)
    K = rig.cameras[1].K
    body = keypoints.xy_px[1][:, keypoints.skeleton.body].astype(float)
    expected = ((body - K[:2, 2]) / K[0, 0])[[10, 5]]
    np.testing.assert_allclose(seen.xy[1, :2], expected, atol=1e-12)
    middle = ((body[5] + body[6]) / 2 - K[:2, 2]) / K[0, 0]
    np.testing.assert_allclose(seen.xy[1, 2], middle, atol=1e-12)
    assert seen.seen[0, 0].all()  # the tick before the missing one itself
    assert not seen.seen[0, 3].any()
    assert seen.seen[1, 3].all()
    assert not seen.seen[:, 4:].any()  # in a gap, and before the start


def test_exchanged_sides_are_undone() -> None:
    rig, keypoints, _ = scene(3)
    mirrored = keypoints.xy_px.copy()
    mirrored[1, ::5] = mirrored[1, ::5][:, keypoints.skeleton.mirror]
    tracks = (Tracks([k], rig) for k in (keypoints, replace(keypoints, xy_px=mirrored)))
    exact, faulty = (unswapped(t.gather([NOTHING_USED]), *poses(rig)) for t in tracks)
    np.testing.assert_allclose(faulty.xy, exact.xy, atol=1e-12)


def test_exact_cameras_predict_each_other_and_a_wrong_one_does_not() -> None:
    rig, keypoints, _ = scene(4)
    seen = Tracks([keypoints], rig).gather([NOTHING_USED])
    R, t = poses(rig)
    right = predict(seen, R, t)
    assert np.nanmax(right.together) < 1e-6
    assert np.nanmax(right.alone) < 1e-6
    assert not right.contradicts.any()
    t[2, 0] += 0.3
    wrong = predict(seen, R, t)
    error = np.nanmedian(wrong.alone, axis=(1, 2))
    assert error.argmax() == 2
    assert error[2] > 0.03


def test_a_camera_that_sees_somebody_else_contradicts() -> None:
    rig, keypoints, _ = scene(5)
    other = synthetic.observe(rig, synthetic.walk(np.random.default_rng(55), 120))
    xy = keypoints.xy_px.copy()
    xy[3, 60:] = other.xy_px[3, 60:]
    seen = Tracks([replace(keypoints, xy_px=xy)], rig).gather([NOTHING_USED])
    found = predict(seen, *poses(rig))
    late = seen.time_s >= 6.0
    assert found.contradicts[3, late].mean() > 0.9
    assert found.contradicts[3, ~late].mean() < 0.05


def test_principal_extents_do_not_depend_on_the_frame() -> None:
    rng = np.random.default_rng(6)
    box = rng.uniform(-0.5, 0.5, (20000, 3)) * [4.0, 2.0, 0.5]
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    found = degeneracy.principal_extents(box @ turn.T + [5.0, -3.0, 1.0])
    np.testing.assert_allclose(found, 0.94 * np.array([4.0, 2.0, 0.5]), rtol=0.03)


@pytest.mark.parametrize(
    ("azimuths_deg", "angle_deg"), [((0, 90), 90), ((10, 15), 5), ((0, 175), 5)]
)
def test_angle_between_lines_of_sight(azimuths_deg: tuple[int, int], angle_deg: float) -> None:
    azimuth = np.radians(azimuths_deg)
    center = 5 * np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(2)], axis=-1)
    motions = [synthetic.look_at(c, (0.0, 0.0, 0.0)) for c in center]
    R, t = np.stack([m.R for m in motions]), np.stack([m.t for m in motions])
    xyz = np.zeros((3, 12, 3))
    found = degeneracy.geometry(R, t, xyz)
    assert found.ray_angle_deg == pytest.approx(angle_deg, abs=1e-6)
    assert found.on_the_spot


def fitted(
    seed: int, ticks: int, on_the_spot: bool = False, slower: float = 1.0
) -> tuple[degeneracy.Uncertainty, Fit]:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng)
    walk = synthetic.walk(rng, ticks, on_the_spot=on_the_spot)
    noisy = synthetic.degrade(synthetic.observe(rig, walk), rng, noise_px=3.0)
    seen = Tracks([noisy], rig).gather([NOTHING_USED])
    seen = replace(seen, time_s=slower * seen.time_s)
    fit = refit(seen, plain(seen), begin(seen, plain(seen), *poses(rig)))
    focal = np.array([c.K[0, 0] for c in rig.cameras])
    return degeneracy.uncertainty(seen, fit, focal, np.full(4, 0.3), UNKNOWN, on_the_spot), fit


def test_a_walk_tells_focal_lengths_and_the_spot_does_not() -> None:
    walked, spot = fitted(7, 150)[0], fitted(7, 150, on_the_spot=True)[0]
    assert walked.log_focal.max() < 0.03
    assert spot.log_focal.max() > 0.07
    assert walked.baseline < 0.02 < spot.baseline


@pytest.mark.parametrize("on_the_spot", [False, True])
def test_time_alone_tells_no_more_than_the_moments_looked_at(on_the_spot: bool) -> None:
    slow, slower = (fitted(7, 150, on_the_spot, by)[0] for by in (10.0, 100.0))
    np.testing.assert_allclose(slower.log_focal, slow.log_focal, rtol=1e-9)


def test_poses_that_come_again_count_once() -> None:
    rng = np.random.default_rng(0)
    once = synthetic.walk(rng, 40).xyz[:, 5:]
    alone = degeneracy.distinct_poses(once)
    assert 5 < alone < 40
    again = np.concatenate([once, once + 0.01, once[::-1]])
    assert degeneracy.distinct_poses(again) == alone
    hidden = again.copy()
    hidden[40:, 6:] = 0.0
    assert degeneracy.distinct_poses(hidden) == alone
    assert degeneracy.distinct_poses(np.zeros((3, 12, 3))) == 3  # nothing says that they are alike
    elsewhere = np.concatenate([once, once + np.array([0.5, 0.0, 0.0])])
    assert degeneracy.distinct_poses(elsewhere) > 1.5 * alone


def test_focal_lengths_that_were_held_have_no_uncertainty_and_help_the_others() -> None:
    rig, keypoints, _ = scene(8)
    noisy = synthetic.degrade(keypoints, np.random.default_rng(8), noise_px=3.0)
    seen, fit, focal = adjusted(rig, noisy)
    free, part, none = (
        degeneracy.uncertainty(seen, fit, focal, np.array(prior), UNKNOWN, False)
        for prior in ([0.3] * 4, [0.0, 0.0, 0.3, 0.3], [0.0] * 4)
    )
    assert np.isnan(part.log_focal[:2]).all()
    assert (part.log_focal[2:] < free.log_focal[2:]).all()
    assert np.isnan(none.log_focal).all()
    assert none.baseline < part.baseline < free.baseline


def test_slopes_of_the_baselines_against_differences() -> None:
    """Baseline over mean distance to the middle joint, with the joints following the cameras."""
    rig, keypoints, _ = scene(9, count=3, ticks=60)
    seen = Tracks([keypoints], rig).gather([NOTHING_USED])
    fit = refit(seen, plain(seen), begin(seen, plain(seen), *poses(rig)))
    _, middle = information(seen, plain(seen), fit)
    slopes = degeneracy.baseline_slopes(fit, middle)
    known = fit.xyz[(fit.xyz != 0).any(-1)].mean(0)

    def ratios(p: FloatArray) -> FloatArray:
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_rotvec(p.reshape(-1, 6)[:, :3]).as_matrix() @ fit.R
        center = -np.einsum("cji,cj->ci", turn, fit.t + p.reshape(-1, 6)[:, 3:])
        distance = np.linalg.norm(center - (known + middle @ p), axis=-1)
        pairs = [(0, 1), (0, 2), (1, 2)]
        return np.array(
            [
                2 * np.linalg.norm(center[a] - center[b]) / (distance[a] + distance[b])
                for a, b in pairs
            ]
        )

    for i in range(18):
        p = np.zeros(18)
        p[i] = 1e-6
        np.testing.assert_allclose((ratios(p) - ratios(-p)) / 2e-6, slopes[:, i], atol=1e-6)


def test_coverage_counts_cells_and_shared_time() -> None:
    rig, keypoints, _ = scene(10, ticks=100)
    xy = keypoints.xy_px.copy()
    xy[2, 50:] = np.nan
    found = coverage([replace(keypoints, xy_px=xy)], rig.names)
    np.testing.assert_allclose(found.time, [1.0, 1.0, 0.5, 1.0])
    assert found.common_s == pytest.approx(9.9)
    assert (found.image > 0.1).all() and (found.image < 1.0).all()
    one_pixel = np.where(np.isfinite(xy), np.float32(10.0), np.float32(np.nan))
    lone = coverage([replace(keypoints, xy_px=one_pixel)], rig.names)
    np.testing.assert_allclose(lone.image, 1 / 48)


def test_cameras_that_were_taken_for_alike_ask_for_their_own_focal_lengths() -> None:
    """Seen through one focal length, exact data of two ask for the ratio of the true ones."""
    rig = synthetic.camera_ring(
        4, focal_px=(1100.0, 1200.0, 1200.0, 1300.0), height_m=(1, 2, 1.5, 2)
    )
    keypoints = synthetic.observe(rig, synthetic.walk(np.random.default_rng(11), 120))
    K = rig.cameras[1].K
    alike = replace(rig, cameras=tuple(replace(c, K=K) for c in rig.cameras))
    seen, fit, _ = adjusted(alike, keypoints)
    found = degeneracy.uncertainty(seen, fit, np.full(4, 1200.0), np.full(4, 0.3), UNKNOWN, False)
    np.testing.assert_allclose(found.asks, np.log([1100 / 1200, 1, 1, 1300 / 1200]), atol=0.01)
    apart = np.array([1100.0, 1200.0, 1201.0, 1300.0])
    own = degeneracy.uncertainty(seen, fit, apart, np.full(4, 0.3), UNKNOWN, False)
    np.testing.assert_array_equal(own.asks, np.zeros(4))


def test_the_larger_spread_of_a_focal_length_counts() -> None:
    rig, keypoints, _ = scene(12)
    noisy = synthetic.degrade(keypoints, np.random.default_rng(12), noise_px=3.0)
    seen, fit, focal = adjusted(rig, noisy)
    told = np.array([np.nan, 0.2, 1e-9, 0.3])
    found = degeneracy.uncertainty(seen, fit, focal, np.full(4, 0.3), told, False)
    own = found.log_focal
    np.testing.assert_array_equal(found.log_focal_at_most, [own[0], 0.2, own[2], 0.3])


def test_a_lens_that_was_given_asks_for_what_it_should_be() -> None:
    rig, keypoints, _ = scene(13)
    zoomed = replace(rig.cameras[2], K=rig.cameras[2].K * [[0.9, 1, 1], [1, 0.9, 1], [1, 1, 1]])
    wrong = replace(rig, cameras=(*rig.cameras[:2], zoomed, rig.cameras[3]))
    seen, fit, focal = adjusted(wrong, keypoints)
    found = degeneracy.uncertainty(seen, fit, focal, np.zeros(4), UNKNOWN, False)
    np.testing.assert_allclose(found.asks, [0, 0, -np.log(0.9), 0], atol=0.01)
    assert found.asks_gain > 0.1
