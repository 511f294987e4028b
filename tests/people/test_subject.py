"""Who is followed when several people are in view, on synthetic walks with exact truth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Detections, Rig, Timeline
from gentri.errors import InputError, UsageError
from gentri.geometry.triangulation import triangulate
from gentri.people import follow
from gentri.people.follow import follow_subject
from gentri.people.joining import join_tracks
from gentri.people.subject import Subject, gather_keypoints, slots_of_tracks
from gentri.people.subject_choice import choose_subject
from gentri.skeletons import COCO17

TICKS = 120
MIN_SCORE = 0.1


def crowd(
    seed: int, bystander_in: tuple[int, ...] = (0, 1, 2, 3)
) -> tuple[Rig, dict[str, Detections], Timeline, np.ndarray]:
    """A walker (track 7) and a person on the spot (track 3) whom some cameras see; the slots of the
    two change places from frame to frame. Also returns the walker's exact pixels (C, T, J, 2)."""
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng)
    walker = synthetic.walk(rng, ticks=TICKS)
    other = synthetic.walk(rng, ticks=TICKS, on_the_spot=True)
    other_xyz = other.xyz + np.array([1.5, 1.0, 0.0])
    truth = synthetic.observe(rig, walker)
    bystander = synthetic.observe(rig, synthetic.Walk(other_xyz, other.time_s, other.stature_m))
    detections = {}
    for c, name in enumerate(rig.names):
        slot = rng.integers(0, 2, TICKS)
        xy = np.full((TICKS, 2, 17, 2), np.nan, dtype=np.float32)
        score = np.full((TICKS, 2, 17), np.nan, dtype=np.float32)
        track = np.full((TICKS, 2), -1, dtype=np.int32)
        rows = np.arange(TICKS)
        xy[rows, slot], score[rows, slot], track[rows, slot] = truth.xy_px[c], truth.score[c], 7
        if c in bystander_in:
            xy[rows, 1 - slot], score[rows, 1 - slot] = bystander.xy_px[c], bystander.score[c]
            track[rows, 1 - slot] = 3
        with np.errstate(invalid="ignore"):
            box = np.concatenate([xy.min(2), xy.max(2)], axis=-1)
        detections[name] = Detections(xy, score, box, track, 1920, 1080, COCO17)
    size = np.array([[1920, 1080]] * 4, dtype=np.int32)
    return rig, detections, Timeline(rig.names, (walker.time_s,) * 4, size), truth.xy_px


def followed(detections: dict[str, Detections], subject: Subject) -> list[set[int]]:
    return [
        {int(t) for t in detections[n].track[np.arange(TICKS), s][s >= 0]}
        for n, s in zip(subject.cameras, subject.slot, strict=True)
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bystander_in", [(0, 1, 2, 3), (0, 1), (2,)])
def test_the_walker_is_followed_in_all_views(seed: int, bystander_in: tuple[int, ...]) -> None:
    _, detections, timeline, truth = crowd(seed, bystander_in)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    assert followed(detections, subject) == [{7}] * 4
    np.testing.assert_array_equal(gather_keypoints(detections, subject, MIN_SCORE).xy_px, truth)


def test_a_named_track_wins() -> None:
    _, detections, timeline, _ = crowd(1)
    subject = choose_subject(detections, timeline, dict.fromkeys(timeline.cameras, (3,)), MIN_SCORE)
    assert followed(detections, subject) == [{3}] * 4


def test_naming_one_camera_pulls_the_others_along() -> None:
    """Agreement between views, not only merit: the named person is found in the other views."""
    _, detections, timeline, _ = crowd(2)
    subject = choose_subject(detections, timeline, {timeline.cameras[0]: (7,)}, MIN_SCORE)
    assert followed(detections, subject) == [{7}] * 4


def test_unknown_names_and_tracks_are_refused_with_those_that_exist() -> None:
    _, detections, timeline, _ = crowd(3)
    with pytest.raises(UsageError, match="no camera is named 'cam9'"):
        choose_subject(detections, timeline, {"cam9": (3,)}, MIN_SCORE)
    with pytest.raises(UsageError, match="its tracks are 3, 7"):
        choose_subject(detections, timeline, {timeline.cameras[0]: (5,)}, MIN_SCORE)


def test_a_camera_that_sees_nobody_is_refused_by_name() -> None:
    _, detections, timeline, _ = crowd(4)
    blind = detections["cam2"]
    detections["cam2"] = Detections(
        np.full_like(blind.xy_px, np.nan),
        np.full_like(blind.score, np.nan),
        np.full_like(blind.box_px, np.nan),
        np.full_like(blind.track, -1),
        1920,
        1080,
        COCO17,
    )
    with pytest.raises(InputError, match=r"nobody was found for 0\.3 s on end in cam2"):
        choose_subject(detections, timeline, {}, MIN_SCORE)


def test_a_camera_with_no_person_slots_at_all_is_refused_by_name() -> None:
    _, detections, timeline, _ = crowd(4)
    none = Detections(
        np.empty((TICKS, 0, 17, 2), np.float32),
        np.empty((TICKS, 0, 17), np.float32),
        np.empty((TICKS, 0, 4), np.float32),
        np.empty((TICKS, 0), np.int32),
        1920,
        1080,
        COCO17,
    )
    detections["cam1"] = none
    with pytest.raises(InputError, match=r"nobody was found for 0\.3 s on end in cam1"):
        choose_subject(detections, timeline, {}, MIN_SCORE)


def test_a_broken_track_is_joined_and_a_mix_up_undone_by_the_other_views() -> None:
    """Canary: in one view the walker's track breaks half way and two frames show the bystander."""
    rig, detections, timeline, truth = crowd(5)
    seen = detections["cam1"]
    track = seen.track.copy()
    track[60:][track[60:] == 7] = 9
    mixed = np.array([20, 21])
    track[mixed] = np.where(track[mixed] == 7, 3, 7)
    detections["cam1"] = Detections(seen.xy_px, seen.score, seen.box_px, track, 1920, 1080, COCO17)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    joined = join_tracks(detections, subject, rig, MIN_SCORE)
    whole = follow_subject(detections, joined, rig, MIN_SCORE)
    assert not np.array_equal(gather_keypoints(detections, subject, MIN_SCORE).xy_px, truth)
    np.testing.assert_array_equal(gather_keypoints(detections, whole, MIN_SCORE).xy_px, truth)


def test_with_two_cameras_nothing_can_judge_a_view() -> None:
    rig, detections, timeline, _ = crowd(6)
    names = timeline.cameras[:2]
    pair = Timeline(names, timeline.time_s[:2], timeline.size_px[:2])
    subject = choose_subject(detections, pair, {}, MIN_SCORE)
    assert follow_subject(detections, subject, rig.select(names), MIN_SCORE) is subject


def test_subject_is_read_back_as_written(tmp_path) -> None:
    _, detections, timeline, _ = crowd(7)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    subject.save(tmp_path / "subject.npz")
    again = Subject.load(tmp_path / "subject.npz")
    assert again.cameras == subject.cameras
    for a, b in zip(again.slot + again.frame_s, subject.slot + subject.frame_s, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("seed", [8, 9])
def test_views_are_judged_one_by_one_only_where_they_disagree(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same answer as judging every tick, for the work of a few: the cost of long recordings."""
    rig, detections, timeline, _ = crowd(seed)
    mixed = np.arange(40, 46)
    for name, tracks in (("cam1", (3, 7)), ("cam2", (3, -1))):
        track = detections[name].track.copy()
        track[mixed] = np.where(track[mixed] == 7, *tracks)
        detections[name] = replace(detections[name], track=track)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    judged = []

    def counted(xy: np.ndarray, *others: Any) -> np.ndarray:
        judged.append(xy.shape[:2])
        return triangulate(xy, *others)

    monkeypatch.setattr(follow, "triangulate", counted)
    whole = follow.follow_subject(detections, subject, rig, MIN_SCORE)
    assert judged == [(4, TICKS), (4, len(mixed)), *[(3, len(mixed))] * 4]
    monkeypatch.setattr(follow, "_AGREED", 0.0)
    for found, expected in zip(
        whole.slot, follow.follow_subject(detections, subject, rig, MIN_SCORE).slot, strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert len(judged) == 12
    assert judged[-1] == (3, TICKS)


def test_the_slot_is_that_of_the_first_of_the_tracks_that_is_there() -> None:
    track = np.array([[5, 3], [3, 5], [3, -1], [-1, 7], [-1, -1], [5, 7]], dtype=np.int32)
    nobody = np.full((6, 2, 17), np.nan, dtype=np.float32)
    xy, box = np.stack([nobody, nobody], -1), np.full((6, 2, 4), np.nan, dtype=np.float32)
    seen = Detections(xy, nobody, box, track, 1920, 1080, COCO17)
    assert slots_of_tracks(seen, (5, 3)).tolist() == [0, 1, 0, -1, -1, 0]
    assert slots_of_tracks(seen, (3, 5)).tolist() == [1, 0, 0, -1, -1, 0]
    assert slots_of_tracks(seen, (9,)).tolist() == [-1] * 6
    assert slots_of_tracks(seen, ()).tolist() == [-1] * 6
