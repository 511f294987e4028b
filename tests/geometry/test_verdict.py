"""The verdict on whole scenes: the level, the reason, and words that a person can act on."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import FloatArray, Intrinsics, Keypoints2D, Rig
from gentri.geometry.calibration import calibrate_views
from gentri.geometry.options import CalibrationOptions
from gentri.geometry.trust.knocked import Knock
from gentri.geometry.trust.measures import Measures, measure
from gentri.geometry.trust.reasons import Level, Reason, reasons
from gentri.geometry.trust.unit import wrong_unit
from gentri.geometry.verdict import Verdict, judge
from gentri.geometry.world import rig_in_world, world_of_person

OPTIONS = CalibrationOptions(
    frames=40,
    focal_prior=1.2,
    focal_sigma=0.3,
    focal_sharing="auto",
    distortion_sigma=0.1,
    center_sigma=0.0,
    bone_sigma=0.05,
    seed=0,
)
UNKNOWN, GIVEN = 0.3, 0.0


def noisy(seed: int, rig: Rig, *, ticks: int = 100, on_the_spot: bool = False) -> Keypoints2D:
    rng = np.random.default_rng(seed)
    walk = synthetic.walk(rng, ticks, on_the_spot=on_the_spot)
    return synthetic.degrade(synthetic.observe(rig, walk), rng, noise_px=3.0, outliers=0.03)


def measured(rig: Rig, *takes: Keypoints2D, prior: float = UNKNOWN) -> Measures:
    """As if the calibration had found the truth."""
    nothing = [np.zeros(0, dtype=np.int64) for _ in takes]
    before, after = (np.full(len(rig.cameras), sigma) for sigma in (prior, np.nan))
    return measure(takes, rig, nothing, before, after)


def said_of(rig: Rig, *takes: Keypoints2D, prior: float = UNKNOWN) -> list[Reason]:
    return reasons(measured(rig, *takes, prior=prior))


def kinds(said: list[Reason]) -> set[str]:
    return {r.kind for r in said if r.level == "poor"}


def calibrated(keypoints: Keypoints2D, given: dict[str, Intrinsics] | None = None) -> Verdict:
    found = calibrate_views([keypoints], OPTIONS, given)
    world = world_of_person(found.views, found.xyz, None)
    rig = rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px, given)
    return judge([keypoints], rig, found)


def in_line(azimuth_deg: FloatArray) -> Rig:
    azimuth = np.radians(azimuth_deg)
    rig = synthetic.camera_ring(len(azimuth))
    poses = [
        synthetic.look_at((5 * np.cos(a), 5 * np.sin(a), 1.2), (0.0, 0.0, 0.9)) for a in azimuth
    ]
    cameras = tuple(replace(c, cam_from_world=p) for c, p in zip(rig.cameras, poses, strict=True))
    return replace(rig, cameras=cameras)


def test_a_walk_seen_by_four_cameras_is_good() -> None:
    verdict = calibrated(noisy(1, synthetic.random_ring(np.random.default_rng(1))))
    assert verdict.level == "good"
    assert verdict.reasons == ()
    assert verdict.poor == []
    assert verdict.measures.held_out
    assert verdict.measures.together.max() < 0.006


def test_a_share_of_nothing_is_not_said() -> None:
    m = measured(rig := synthetic.camera_ring(3), noisy(2, rig), prior=GIVEN)
    off = replace(m, together=np.array([0.02, 0.003, 0.003]), clocks=replace(m.clocks, gain=0.0))
    texts = [
        next(r.text for r in reasons(replace(off, contradicting=c)) if r.kind == "disagrees")
        for c in (np.array([0.004, 0.0, 0.0]), np.array([0.31, 0.0, 0.0]))
    ]
    assert "by 20 mrad in the median: check" in texts[0]
    assert "by 20 mrad in the median, and altogether in 31 % of its moments: check" in texts[1]


def test_the_report_is_json_without_nan() -> None:
    rig = synthetic.camera_ring(2, arc_deg=80.0)
    m = measured(rig, noisy(2, rig), prior=GIVEN)
    report = json.loads(json.dumps(Verdict("good", (), m).as_json(), allow_nan=False))
    assert report["level"] == "good"
    assert report["cameras"]["cam0"]["left_out_px"] is None  # nobody else could tell
    assert report["cameras"]["cam0"]["focal_sigma_percent"] is None  # held
    assert report["cameras"]["cam1"]["late_s"] == pytest.approx([0.0], abs=0.01)


def test_a_late_camera_is_called_late_although_it_bent_the_rig() -> None:
    keypoints = noisy(3, synthetic.random_ring(np.random.default_rng(3), 3, arc_deg=120.0))
    xy, score = keypoints.xy_px.copy(), keypoints.score.copy()
    for values in (xy, score):
        values[2, 3:] = values[2, :-3].copy()
    verdict = calibrated(replace(keypoints, xy_px=xy, score=score))
    assert verdict.level == "poor"
    assert verdict.reasons[0].kind == "late"
    said = re.search(r"cam2 runs (0\.\d+) s behind the others", verdict.poor[0])
    assert said is not None
    assert abs(float(said[1]) - 0.3) <= 0.02  # a fifth of a frame of 10 per second
    assert "synchronise" in verdict.poor[0]


def test_all_late_cameras_are_told_at_once() -> None:
    m = measured(rig := synthetic.camera_ring(4), noisy(3, rig), prior=GIVEN)
    late = replace(m.clocks, late_s=np.array([[0.0, 0.21, -0.04, 0.01]]), gain=0.5)
    (said,) = (r for r in reasons(replace(m, clocks=late)) if r.kind == "late")
    assert said.text.startswith(
        "cam1 runs 0.21 s behind the others (and cam2 by 0.04 s ahead): synchronise"
    )
    far = replace(m.clocks, late_s=np.array([[0.0, -0.96, 0.0, 0.01]]), gain=0.5)
    (said,) = (r for r in reasons(replace(m, clocks=far)) if r.kind == "late")
    assert said.text.startswith("cam1 runs 0.96 s ahead of the others: more than 1 s either way")
    assert "cut" not in said.text


def test_a_moved_camera_is_named_with_time_and_size() -> None:
    rig = synthetic.camera_ring(4)
    keypoints = noisy(4, rig)
    xy = keypoints.xy_px.copy()
    xy[1, 50:, :, 0] += 1200 * np.tan(np.radians(4.0))  # nearly a turn by 4°
    said = said_of(rig, replace(keypoints, xy_px=xy))
    assert said[0].kind == "knocked"
    assert "cam1 moved at 5." in said[0].text or "cam1 moved at 4.9" in said[0].text
    assert kinds(said) == {"knocked"}


def test_a_camera_moved_between_two_takes_is_named_with_the_take() -> None:
    rig = synthetic.camera_ring(4)
    first, second = noisy(5, rig, ticks=60), noisy(50, rig, ticks=60)
    xy = second.xy_px.copy()
    xy[3, :, :, 0] += 80.0
    said = said_of(rig, first, replace(second, xy_px=xy))
    assert kinds(said) == {"knocked"}
    assert "cam3 was moved or zoomed before take 2" in said[0].text
    assert "leave that one out" in said[0].text


def test_a_camera_moved_within_the_second_take_is_named_with_the_time() -> None:
    rig = synthetic.camera_ring(4)
    first, second = noisy(5, rig, ticks=60), noisy(50, rig, ticks=60)
    xy = second.xy_px.copy()
    xy[3, 30:, :, 0] += 80.0
    m = measured(rig, first, replace(second, xy_px=xy))
    assert m.knock_at == (1, pytest.approx(3.0, abs=0.3))
    assert "cam3 moved at" in reasons(m)[0].text
    assert "of take 2" in reasons(m)[0].text


def test_in_a_second_or_two_a_detector_alone_can_look_like_a_move() -> None:
    """It errs alike for a good part of so short a take: a move has to explain more there."""
    m = measured(rig := synthetic.camera_ring(3), noisy(4, rig), prior=GIVEN)
    hint = Knock(camera=1, moment=30, angle_deg=2.6, distance_m=0.13, gain=0.1, left_over=0.6)
    named = [
        kinds(reasons(replace(m, knock=hint, coverage=replace(m.coverage, common_s=seconds))))
        for seconds in (1.6, 10.0)
    ]
    assert named == [set(), {"knocked"}]


def test_a_camera_that_sees_somebody_else_disagrees() -> None:
    rig = synthetic.camera_ring(4)
    keypoints, other = noisy(6, rig), noisy(60, rig)
    xy = keypoints.xy_px.copy()
    xy[2] = other.xy_px[2]
    said = said_of(rig, replace(keypoints, xy_px=xy))
    assert said[0].kind == "disagrees"
    assert "cam2" in said[0].text
    assert "same person" in said[0].text


def test_on_the_spot_is_poor_and_with_given_lenses_it_need_not_be() -> None:
    rig = synthetic.camera_ring(4, focal_px=(1100.0, 1300.0, 1500.0, 1250.0))
    keypoints = noisy(7, rig, ticks=200, on_the_spot=True)
    said = said_of(rig, keypoints)
    assert "spot" in kinds(said)
    assert "walking through the whole volume" in said[0].text
    assert "spot" not in kinds(said_of(rig, keypoints, prior=GIVEN))


@pytest.mark.parametrize("azimuth_deg", [(0.0, 4.0), (0.0, 2.0, 5.0), (0.0, 177.0)])
def test_cameras_in_one_line_are_poor(azimuth_deg: tuple[float, ...]) -> None:
    rig = in_line(np.array(azimuth_deg))
    said = said_of(rig, noisy(8, rig))
    assert "line" in kinds(said)
    assert "at right angles" in said[0].text


def test_a_pair_in_line_does_no_harm_when_a_third_camera_stands_across() -> None:
    rig = in_line(np.array([0.0, 4.0, 90.0]))
    assert "line" not in {r.kind for r in said_of(rig, noisy(9, rig))}


def test_two_cameras_without_lenses_are_told_what_they_lack() -> None:
    rig = synthetic.camera_ring(2, arc_deg=80.0, focal_px=(1100.0, 1400.0))
    said = said_of(rig, noisy(10, rig))
    assert "focal" in kinds(said)
    assert "give their focal lengths, or add a third camera" in said[0].text
    assert not kinds(said_of(rig, noisy(10, rig), prior=GIVEN))


@pytest.mark.parametrize("source", ["given", "metadata"])
def test_two_cameras_with_lenses_known_to_a_percent_lack_nothing(source: str) -> None:
    rig = synthetic.random_ring(np.random.default_rng(2), 2)
    lenses = {c.name: Intrinsics(c.width, c.height, c.K, c.dist, source, 0.01) for c in rig.cameras}
    verdict = calibrated(noisy(2, rig), lenses)
    assert verdict.reasons == ()
    assert verdict.measures.uncertainty.log_focal.max() <= 0.01
    assert not verdict.measures.held.any()


def test_short_takes_are_usable_at_best() -> None:
    rig = synthetic.camera_ring(4)
    said = said_of(rig, noisy(11, rig, ticks=25), prior=GIVEN)
    assert [r.kind for r in said if r.level == "usable"]
    assert any("10 s or more" in r.text for r in said)


def test_cameras_that_do_not_share_a_focal_length_are_not_said_to() -> None:
    rig = synthetic.camera_ring(4, focal_px=(1000.0, 1200.0, 1200.0, 1400.0))
    K = rig.cameras[1].K
    alike = replace(rig, cameras=tuple(replace(c, K=K) for c in rig.cameras))
    said = said_of(alike, noisy(12, rig))
    assert "sharing" in kinds(said)
    assert any('focal_sharing to "camera"' in r.text for r in said)
    assert "sharing" not in {r.kind for r in said_of(rig, noisy(12, rig))}


def test_a_lens_that_was_given_and_does_not_fit_is_named() -> None:
    rig = synthetic.random_ring(np.random.default_rng(13), 4)
    right = {c.name: Intrinsics(c.width, c.height, c.K, c.dist, "given", 0.0) for c in rig.cameras}
    zoomed = right["cam2"].K * [[0.85, 1, 1], [1, 0.85, 1], [1, 1, 1]]
    wrong = right | {"cam2": replace(right["cam2"], K=zoomed)}
    keypoints = noisy(13, rig)
    assert calibrated(keypoints, right).reasons == ()
    verdict = calibrated(keypoints, wrong)
    assert verdict.level == "poor"
    (said,) = (r.text for r in verdict.reasons if r.kind == "lens")
    assert re.search(r"given for cam2 does not fit .* asks for 1[4-9] % more: check", said)


@pytest.mark.parametrize(
    ("share", "level"), [(0.012, None), (0.018, "usable"), (0.032, "poor"), (-0.032, "poor")]
)
def test_a_principal_point_that_no_lens_has_is_named(share: float, level: Level | None) -> None:
    keypoints = noisy(2, rig := synthetic.camera_ring(3))
    found = calibrate_views([keypoints], OPTIONS, None)
    K = rig.cameras[1].K.copy()
    K[0, 2] += share * rig.cameras[1].width
    cameras = (rig.cameras[0], replace(rig.cameras[1], K=K), rig.cameras[2])
    for source, expected in (("estimated", level), ("given", None)):
        told = tuple(replace(c, intrinsics_source=source) for c in cameras)
        said = judge([keypoints], replace(rig, cameras=told), found).reasons
        of_center = [r for r in said if r.kind == "center"]
        assert [r.level for r in of_center] == ([expected] if expected else [])
        assert all("principal point of cam1" in r.text for r in of_center)


def test_the_wrong_lens_of_one_camera_is_poor() -> None:
    for seed in range(3):
        rig = synthetic.random_rig(np.random.default_rng([31, seed]), 4)
        lens = rig.cameras[1]
        zoomed = lens.K * [[1.2, 1, 1], [1, 1.2, 1], [1, 1, 1]]
        given = Intrinsics(lens.width, lens.height, zoomed, lens.dist, "given", 0.0)
        said = calibrated(noisy(seed, rig, ticks=150), {lens.name: given}).reasons
        assert {"center", "lens"} & kinds(list(said))


@pytest.mark.parametrize(
    ("curvature", "calibrated", "level", "said"),
    [  # limits 2.5 % and 7 %, 3.5 % and 14 %
        ([0.02, 0.02, 0.02], [0.034, 0.01, 0.01], None, ""),
        ([0.02, 0.02, 0.02], [0.036, 0.01, 0.01], "usable", "cam0 is uncertain by 4 %"),
        ([0.02, 0.026, 0.02], [0.034, 0.01, 0.01], "usable", "cam1 is uncertain by 3 %"),
        ([0.02, 0.071, 0.02], [0.13, 0.01, 0.01], "poor", "cam1 is uncertain by 7 %"),
        ([0.02, 0.02, 0.02], [0.01, 0.01, 0.15], "poor", "cam2 is uncertain by 15 %"),
    ],
)
def test_the_camera_that_is_named_is_the_one_beyond_its_limit(
    curvature: list[float], calibrated: list[float], level: Level | None, said: str
) -> None:
    m = measured(rig := synthetic.camera_ring(3), noisy(4, rig))
    sigmas = replace(
        m.uncertainty,
        log_focal=np.array(curvature),
        log_focal_calibrated=np.array(calibrated),
        asks=np.zeros(3),
        baseline=0.0,
    )
    found = [r for r in reasons(replace(m, uncertainty=sigmas)) if r.kind == "focal"]
    assert [r.level for r in found] == ([level] if level else [])
    assert all(said in r.text for r in found)


@pytest.mark.parametrize(
    ("asks", "sigma", "level"),
    [(0.049, 0.01, None), (0.051, 0.01, "usable"), (0.051, 0.021, None), (0.13, 0.05, "poor")],
)
def test_focal_lengths_are_doubted_where_the_cameras_ask_for_much_and_clearly(
    asks: float, sigma: float, level: Level | None
) -> None:
    for prior, kind in ((UNKNOWN, "sharing"), (GIVEN, "lens")):
        m = measured(rig := synthetic.camera_ring(3), noisy(4, rig), prior=prior)
        asked = replace(
            m.uncertainty, asks=np.array([0.0, -asks, 0.0]), log_focal_alone=np.full(3, sigma)
        )
        found = [r for r in reasons(replace(m, uncertainty=asked)) if r.kind == kind]
        assert [r.level for r in found] == ([level] if level else [])
        assert all(f"{100 * -np.expm1(-asks):.0f} % less" in r.text for r in found)


def test_a_move_of_a_camera_with_a_given_lens_may_be_the_lens() -> None:
    for count in (2, 3):
        m = measured(rig := synthetic.camera_ring(count), noisy(4, rig), prior=GIVEN)
        hint = Knock(camera=1, moment=50, angle_deg=2.6, distance_m=0.13, gain=0.9, left_over=0.6)
        for held, may_be in (([True, True], True), ([False, False], False), ([True, False], None)):
            known = np.array([*held, True][:count])
            (said,) = (
                r for r in reasons(replace(m, knock=hint, held=known)) if r.kind == "knocked"
            )
            expected = count == 2 if may_be is None else may_be
            assert ("or the lens given for it is not its own" in said.text) == expected


@pytest.mark.parametrize("factor", [0.01, 0.3048, 3.28, 10.0, 1000.0])
def test_another_unit_is_the_first_thing_said(factor: float) -> None:
    """Whatever else a person who is too small or too tall seems to do."""
    keypoints = noisy(1, synthetic.random_ring(np.random.default_rng(1)))
    found = calibrate_views([keypoints], OPTIONS)
    world = world_of_person(found.views, found.xyz, factor * 1.7)
    rig = rig_in_world(found.views, world, keypoints.cameras, keypoints.size_px)
    verdict = judge([keypoints], replace(rig, scale_source="camera distance given"), found)
    assert verdict.level == "poor"
    assert verdict.reasons[0].kind == "scale"
    stature = verdict.measures.geometry.stature_m
    assert stature == pytest.approx(factor * 1.7, rel=0.06)
    said = f"by this scale (camera distance given) the person is {stature:.3g} m tall"
    assert verdict.poor[0].startswith(said)


@pytest.mark.parametrize("stature_m", [0.91, 1.2, 1.68, 2.29, float("nan")])
def test_children_and_giants_have_a_right_scale(stature_m: float) -> None:
    assert wrong_unit(stature_m, "camera distance given") == []


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("camera distance given", "is the distance of the two cameras in metres"),
        ("camera positions given", "are the camera positions in metres"),
        ("bone length given", "is the length in metres, of this bone"),
        ("stature given", "is the height in metres"),
    ],
)
def test_what_gave_a_wrong_scale_is_named(source: str, asked: str) -> None:
    (reason,) = wrong_unit(17.0, source)
    assert f"({source}) the person is 17 m tall; people have 0.9 to 2.3 m: {asked}" in reason.text
