"""One person out of broken tracks, among bystanders, on synthetic walks with the true cameras."""

from dataclasses import replace

import numpy as np
import pytest

from gentri import synthetic
from gentri.data import Detections, Rig, Timeline
from gentri.people.follow import follow_subject
from gentri.people.joining import join_tracks
from gentri.people.subject import Subject, gather_keypoints
from gentri.people.subject_choice import choose_subject
from gentri.skeletons import COCO17

TICKS, FPS = 600, 20.0
MIN_SCORE = 0.1
WALKER, BYSTANDER = 0, 1  # person slots


def recording(
    seed: int, cameras: int, bystanders: int = 0, noise_px: float = 3.0
) -> tuple[Rig, dict[str, Detections], Timeline]:
    """A walker in slot 0 (track 0) and people who stand still beside the path in the others."""
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, cameras, arc_deg=110.0 if cameras == 2 else 360.0)
    people = [synthetic.walk(rng, TICKS, fps=FPS)]
    for i in range(bystanders):
        still = synthetic.walk(rng, TICKS, fps=FPS, on_the_spot=True)
        angle = 2 * np.pi * i / bystanders
        place = np.array([2.6 * np.cos(angle), 2.6 * np.sin(angle), 0.0])
        sway = 0.01 * rng.normal(size=(TICKS, 1, 3)).cumsum(axis=0) / np.sqrt(TICKS)
        xyz = np.broadcast_to(still.xyz[:1], still.xyz.shape) + place + sway
        people.append(replace(still, xyz=xyz))
    views = [synthetic.degrade(synthetic.observe(rig, p), rng, noise_px=noise_px) for p in people]
    detections = {}
    for c, name in enumerate(rig.names):
        xy = np.stack([v.xy_px[c] for v in views], axis=1)
        score = np.stack([v.score[c] for v in views], axis=1)
        shown = np.isfinite(xy).all(-1).sum(-1) >= 6
        xy[~shown], score[~shown] = np.nan, np.nan
        low = np.where(np.isfinite(xy), xy, np.inf).min(axis=2)
        high = np.where(np.isfinite(xy), xy, -np.inf).max(axis=2)
        box = np.where(shown[..., None], np.concatenate([low, high], axis=-1), np.nan)
        track = np.where(shown, np.arange(len(people)), -1).astype(np.int32)
        detections[name] = Detections(xy, score, box.astype(np.float32), track, 1920, 1080, COCO17)
    size = np.array([[1920, 1080]] * cameras, dtype=np.int32)
    return rig, detections, Timeline(rig.names, (people[0].time_s,) * cameras, size)


def broken(seen: Detections, every: int, gap: int, offset: int) -> Detections:
    """The walker leaves for `gap` frames after each `every` and comes back under another number."""
    frame = np.arange(TICKS) + offset
    away = frame % (every + gap) >= every
    track = seen.track.copy()
    here = (track[:, WALKER] >= 0) & ~away
    track[:, WALKER] = np.where(here, 100 + frame // (every + gap), -1)
    xy, score, box = seen.xy_px.copy(), seen.score.copy(), seen.box_px.copy()
    xy[~here, WALKER], score[~here, WALKER], box[~here, WALKER] = np.nan, np.nan, np.nan
    return replace(seen, xy_px=xy, score=score, box_px=box, track=track)


def completed(detections: dict[str, Detections], timeline: Timeline, rig: Rig) -> Subject:
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    joined = join_tracks(detections, subject, rig, MIN_SCORE)
    return follow_subject(detections, joined, rig, MIN_SCORE)


def shares(detections: dict[str, Detections], subject: Subject) -> tuple[float, float]:
    """Of the ticks at which two cameras show the walker those that have two views of the subject,
    and the share of the subject's views that show somebody else."""
    shown = np.stack([d.track[:, WALKER] >= 0 for d in detections.values()])
    slot = np.stack(subject.slot)
    right = (slot == WALKER) & shown
    possible = shown.sum(0) >= 2
    foreign = (slot > WALKER).sum() / (slot >= 0).sum()
    return float((right.sum(0) >= 2)[possible].mean()), float(foreign)


@pytest.mark.parametrize("cameras", [2, 3, 4])
@pytest.mark.parametrize("every", [60, 150])
def test_a_person_who_leaves_and_returns_stays_one_person(cameras: int, every: int) -> None:
    """In turn in each camera, so that the others carry the identity over."""
    rig, detections, timeline = recording(cameras, cameras)
    for c, name in enumerate(rig.names):
        detections[name] = broken(detections[name], every, 20, 37 * c)
    covered, foreign = shares(detections, completed(detections, timeline, rig))
    assert covered >= 0.95
    assert foreign == 0


@pytest.mark.parametrize("cameras", [2, 4])
def test_a_person_whom_all_cameras_lose_at_once_is_found_again(cameras: int) -> None:
    rig, detections, timeline = recording(10 + cameras, cameras)
    detections = {n: broken(d, 150, 30, 0) for n, d in detections.items()}
    covered, _ = shares(detections, completed(detections, timeline, rig))
    assert covered >= 0.95


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_many_people_who_stand_around_do_not_crowd_the_walker_out(seed: int) -> None:
    """Five bystanders whose tracks last longer than any of the walker's."""
    rig, detections, timeline = recording(seed, 4, bystanders=5)
    for c, name in enumerate(rig.names):
        detections[name] = broken(detections[name], 180, 20, 53 * c)
    covered, foreign = shares(detections, completed(detections, timeline, rig))
    assert covered >= 0.9
    assert foreign <= 0.02


def test_short_tracks_of_the_walker_beat_a_long_one_of_a_bystander() -> None:
    """Somebody in the background of one view keeps one track; the walker's break every 3 s."""
    rig, detections, timeline = recording(25, 4, bystanders=1)
    for c, name in enumerate(rig.names):
        seen = broken(detections[name], 60, 4, 0)
        if c:
            hidden = seen.track.copy()
            hidden[:, BYSTANDER] = -1
            seen = replace(seen, track=hidden)
        detections[name] = seen
    covered, foreign = shares(detections, completed(detections, timeline, rig))
    assert covered >= 0.9
    assert foreign <= 0.02


@pytest.mark.parametrize("cameras", [2, 4])
def test_whoever_is_always_alone_is_whole_before_any_camera_is_known(cameras: int) -> None:
    _, detections, timeline = recording(26, cameras)
    for c, name in enumerate(timeline.cameras):
        detections[name] = broken(detections[name], 60, 20, 31 * c)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    for name, slot in zip(subject.cameras, subject.slot, strict=True):
        np.testing.assert_array_equal(slot == WALKER, detections[name].track[:, WALKER] >= 0)


@pytest.mark.parametrize("cameras", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_somebody_else_who_is_alone_in_one_view_is_not_the_subject(cameras: int, seed: int) -> None:
    """The subject leaves a view for good, then somebody else stands there."""
    rig, detections, timeline = recording(40 + seed, cameras, bystanders=1)
    for c, name in enumerate(timeline.cameras):
        track = detections[name].track.copy()
        other = track[400:, BYSTANDER].copy()
        track[:, BYSTANDER] = -1
        if c == 0:
            track[400:, WALKER], track[400:, BYSTANDER] = -1, other
        detections[name] = replace(detections[name], track=track)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    assert not (subject.slot[0] == BYSTANDER).any()
    assert (subject.slot[0] == WALKER).sum() > 200
    for slot in subject.slot[1:]:
        assert (slot == WALKER).mean() > 0.9
    foreign = shares(detections, completed(detections, timeline, rig))[1]
    assert foreign == 0


def test_tracks_of_people_who_were_once_together_are_not_one() -> None:
    _, detections, timeline = recording(27, 3, bystanders=1)
    for name, seen in detections.items():
        track = seen.track.copy()
        track[:200, BYSTANDER], track[220:, BYSTANDER] = -1, -1  # one second in passing
        detections[name] = broken(replace(seen, track=track), 150, 20, 0)
    subject = choose_subject(detections, timeline, {}, MIN_SCORE)
    for name, slot in zip(subject.cameras, subject.slot, strict=True):
        shown = detections[name].track[np.arange(TICKS), slot][slot >= 0]
        assert len(np.unique(shown)) == 1


def test_two_tracks_of_one_camera_can_be_named() -> None:
    _, detections, timeline = recording(30, 2)
    detections = {n: broken(d, 150, 20, 0) for n, d in detections.items()}
    named = {n: tuple(int(t) for t in np.unique(d.track) if t >= 0) for n, d in detections.items()}
    subject = choose_subject(detections, timeline, named, MIN_SCORE)
    assert shares(detections, subject)[0] == 1.0


def test_joints_below_the_score_are_not_there() -> None:
    rig, detections, timeline = recording(31, 2)
    name = rig.names[0]
    score = detections[name].score.copy()
    score[:, :, 13:] = 0.05
    detections[name] = replace(detections[name], score=score)
    keypoints = gather_keypoints(
        detections, choose_subject(detections, timeline, {}, MIN_SCORE), MIN_SCORE
    )
    assert np.isnan(keypoints.xy_px[0, :, 13:]).all()
    assert np.isfinite(keypoints.xy_px[1, :, 13:]).any()
