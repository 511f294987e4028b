"""A late clock and a moved camera are found in exact scenes, with their sizes, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import FloatArray, Keypoints2D, Rig, Rigid3
from gentri.geometry.comparison import rotation_angle
from gentri.geometry.trust.equations import Equations
from gentri.geometry.trust.evidence import Evidence, Tracks, unswapped
from gentri.geometry.trust.held_out import predict
from gentri.geometry.trust.knocked import Knock, _with_enough_around, knocked
from gentri.geometry.trust.model import Fit, Model, plain
from gentri.geometry.trust.refit import begin, refit
from gentri.geometry.trust.time_shift import Clocks, clocks

FPS = 10.0
NOTHING_USED = np.zeros(0, dtype=np.int64)


def scene(seed: int, count: int, ticks: int = 90) -> tuple[Rig, Keypoints2D, synthetic.Walk]:
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, count, arc_deg=360.0 if count > 3 else 120.0)
    walk = synthetic.walk(rng, ticks, fps=FPS)
    return rig, synthetic.observe(rig, walk), walk


def poses(rig: Rig) -> tuple[FloatArray, FloatArray]:
    motions = [c.cam_from_world for c in rig.cameras]
    return np.stack([m.R for m in motions]), np.stack([m.t for m in motions])


def delayed(keypoints: Keypoints2D, camera: int, ticks: int) -> Keypoints2D:
    """A camera that shows everything later than the others."""
    xy, score = keypoints.xy_px.copy(), keypoints.score.copy()
    for values in (xy, score):
        values[camera] = np.roll(values[camera], ticks, axis=0)
        gone = slice(ticks) if ticks > 0 else slice(ticks, None)
        values[camera, gone] = np.nan
    return replace(keypoints, xy_px=xy, score=score)


def seen_by(rig: Rig, takes: list[Keypoints2D]) -> tuple[Tracks, Evidence, Fit]:
    tracks = Tracks(takes, rig)
    R, t = poses(rig)
    seen = unswapped(tracks.gather([NOTHING_USED for _ in takes]), R, t)
    return tracks, seen, refit(seen, plain(seen), begin(seen, plain(seen), R, t))


def clocks_of(rig: Rig, *takes: Keypoints2D) -> Clocks:
    return clocks(*seen_by(rig, list(takes)))


def knock_of(rig: Rig, keypoints: Keypoints2D) -> tuple[Knock | None, Evidence]:
    _, seen, null = seen_by(rig, [keypoints])
    return knocked(seen, null, predict(seen, *poses(rig)).others), seen


@pytest.mark.parametrize(("count", "ticks"), [(2, 3), (3, -3), (4, 5)])
def test_a_late_camera_is_found_with_its_delay(count: int, ticks: int) -> None:
    rig, keypoints, _ = scene(count, count)
    found = clocks_of(rig, delayed(keypoints, 1, ticks))
    assert found.worst == (0, 1)
    assert found.late_s[0, 1] == pytest.approx(ticks / FPS, abs=0.015)
    assert np.delete(found.late_s[0], 1) == pytest.approx(0.0, abs=0.015)
    assert found.gain > 1.0


def test_clocks_that_are_right_stay_right() -> None:
    rig, keypoints, _ = scene(7, 4)
    found = clocks_of(rig, keypoints)
    assert np.abs(found.late_s).max() < 1e-3
    assert abs(found.gain) < 0.05


def test_each_take_has_a_clock_of_its_own() -> None:
    rig, first, _ = scene(8, 3, ticks=60)
    walk = synthetic.walk(np.random.default_rng(80), 60, fps=FPS)
    found = clocks_of(rig, first, delayed(synthetic.observe(rig, walk), 2, 4))
    assert found.worst == (1, 2)
    assert found.late_s[1, 2] == pytest.approx(0.4, abs=0.02)
    assert np.abs(found.late_s[0]).max() < 0.02


def test_a_camera_that_a_take_lacks_has_no_clock() -> None:
    rig, first, walk = scene(9, 4)
    part = synthetic.observe(rig.select(rig.names[:3]), walk)
    found = clocks_of(rig, first, part)
    assert np.isnan(found.late_s[1, 3])
    assert np.isfinite(np.delete(found.late_s.ravel(), 7)).all()


def moved_rig(rig: Rig, camera: int, angle_deg: float) -> Rig:
    """The rig with one camera turned about its vertical axis and shifted by 10 cm."""
    own = rig.cameras[camera]
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    R = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]) @ own.cam_from_world.R
    pose = Rigid3(R, -R @ (own.center + np.array([0.1, 0.0, 0.0])))
    cameras = list(rig.cameras)
    cameras[camera] = replace(own, cam_from_world=pose)
    return replace(rig, cameras=tuple(cameras))


@pytest.mark.parametrize("seed", range(6))
def test_a_moment_of_film_is_not_searched_for_delays_longer_than_itself(seed: int) -> None:
    rig, exact, _ = scene(seed, 2, ticks=3)
    found = clocks_of(rig, synthetic.degrade(exact, np.random.default_rng(seed), noise_px=3.0))
    assert np.isfinite(found.late_s).all()


def with_knock(
    rig: Rig, keypoints: Keypoints2D, walk: synthetic.Walk, camera: int, tick: int, angle_deg: float
) -> Keypoints2D:
    after = synthetic.observe(moved_rig(rig, camera, angle_deg), walk)
    xy, score = keypoints.xy_px.copy(), keypoints.score.copy()
    xy[camera, tick:], score[camera, tick:] = after.xy_px[camera, tick:], after.score[camera, tick:]
    return replace(keypoints, xy_px=xy, score=score)


@pytest.mark.parametrize(("count", "angle_deg"), [(2, 4.0), (3, 2.0), (4, 8.0)])
def test_a_moved_camera_is_found_with_time_and_angle(count: int, angle_deg: float) -> None:
    rig, keypoints, walk = scene(20 + count, count)
    found, seen = knock_of(rig, with_knock(rig, keypoints, walk, 1, 50, angle_deg))
    assert found is not None
    assert found.camera == 1
    assert seen.time_s[found.moment] == pytest.approx(5.0, abs=0.11)
    assert found.angle_deg == pytest.approx(angle_deg, abs=0.1 if count > 2 else 1.0)
    if count > 2:  # with one other camera, the scale after the knock is free
        assert found.distance_m == pytest.approx(0.1, abs=0.03)
    assert found.gain > 1.0
    assert found.left_over < 0.1


def test_a_pose_needs_a_part_that_tells_it_and_that_of_a_pair_a_longer_one() -> None:
    """Two seconds before the move: enough against two other cameras, too little against one."""
    for count, earliest_s in ((3, 2.0), (2, 4.0)):
        rig, keypoints, walk = scene(20 + count, count)
        found, seen = knock_of(rig, with_knock(rig, keypoints, walk, 1, 20, 8.0))
        assert found is not None
        assert seen.time_s[found.moment] == pytest.approx(earliest_s, abs=0.11)
    rig, keypoints, walk = scene(22, 2, ticks=70)
    assert knock_of(rig, with_knock(rig, keypoints, walk, 1, 20, 8.0))[0] is None


def test_gaps_and_the_time_between_takes_are_not_time_seen() -> None:
    """1.4 s before a gap or the end of a take are too little, whatever the clock says after it."""
    rig, keypoints, _ = scene(22, 2, ticks=90)
    seen = Tracks([keypoints], rig).gather([NOTHING_USED])
    first = np.arange(len(seen.time_s)) < 14
    late = seen.time_s + np.where(first, 0.0, 20.0)
    for apart in (
        replace(seen, time_s=late),
        replace(seen, take=np.where(first, 0, 1), time_s=late),
    ):
        allowed = np.flatnonzero(_with_enough_around(apart))
        assert seen.time_s[allowed[0]] == pytest.approx(4.0, abs=0.3)
        assert seen.time_s[-1] - seen.time_s[allowed[-1]] >= 4.0
    assert not _with_enough_around(seen.only(np.array([3]))).any()


def test_cameras_that_stay_are_not_suspected() -> None:
    for count in (2, 4):
        rig, exact, _ = scene(30 + count, count)
        noisy = synthetic.degrade(exact, np.random.default_rng(count), noise_px=4.0, outliers=0.05)
        found, _ = knock_of(rig, noisy)
        assert found is None or found.gain < 0.06


def test_slope_of_the_cost_against_differences() -> None:
    """Poses, focal scales and clocks at once, away from the minimum."""
    rig, keypoints, _ = scene(40, 3, ticks=30)
    tracks = Tracks([keypoints], rig)
    seen = tracks.gather([NOTHING_USED])
    base = plain(seen)
    station = base.station.copy()
    station[1, 15:] = 3
    clock = np.repeat(np.array([[0], [1], [-1]]), len(seen.take), axis=1)
    model = Model(station, clock, np.array([0, 1, -1]), np.full(2, 0.3))
    R, t = (np.concatenate([v, v[1:2]]) for v in poses(rig))
    rng = np.random.default_rng(0)
    start = begin(seen, model, R, t + 0.01 * rng.normal(size=t.shape))
    start = replace(start, shift_s=np.array([0.02, -0.01]), log_scale=np.array([0.02, -0.03]))
    equations = Equations(seen, model)
    normal = equations.normal(start)
    nothing = np.zeros_like(normal.b)
    total, step = seen.weight[:, (seen.seen.sum(0) >= 2)].sum(), 1e-6
    for i in range(model.parameters):
        p = np.zeros(model.parameters)
        p[i] = step
        up, down = (equations.cost(equations.moved(start, s * p, nothing)) for s in (1, -1))
        assert (up - down) / (2 * step) == pytest.approx(
            2 * normal.g[i] / total, rel=1e-4, abs=1e-6
        )


def test_a_refit_undoes_a_disturbed_camera() -> None:
    rig, keypoints, _ = scene(41, 4, ticks=60)
    seen = Tracks([keypoints], rig).gather([NOTHING_USED])
    R, t = poses(rig)
    wrong = t.copy()
    wrong[2] += [0.05, -0.03, 0.04]
    fit = refit(seen, plain(seen), begin(seen, plain(seen), R, wrong), steps=30)
    turned = [rotation_angle(a @ b.T) for a, b in zip(fit.R @ fit.R[0].T, R @ R[0].T, strict=True)]
    assert max(turned) < 1e-4
    assert fit.cost < 1e-6
