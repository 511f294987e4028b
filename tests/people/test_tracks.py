import numpy as np
import pytest

from gentri.people.tracks import OksJoints, Tracker, distinct_people, iou, oks
from gentri.skeletons import COCO17, HALPE26, WHOLEBODY133

JOINTS = OksJoints.of(COCO17)
HEIGHT = 400.0


def person(x: float, y: float, seed: int = 0, height: float = HEIGHT) -> np.ndarray:
    """A pose (17, 2) of its own about a place."""
    shape = np.random.default_rng(seed).uniform((-0.15, -0.5), (0.15, 0.5), (17, 2))
    return np.array([x, y]) + shape * height


def box_of(xy: np.ndarray) -> np.ndarray:
    return np.concatenate([xy.min(-2), xy.max(-2)], -1)


def follow(frames: list[list[np.ndarray]], gap_frames: int = 10) -> list[list[int]]:
    """Identities of the people of each frame, given as poses."""
    tracker = Tracker(COCO17, gap_frames)
    return [
        tracker.update(
            np.array(people, dtype=np.float32).reshape(-1, 17, 2),
            np.array([box_of(p) for p in people], dtype=np.float32).reshape(-1, 4),
        ).tolist()
        for people in frames
    ]


def jittered(xy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return xy + rng.normal(0, 4, xy.shape)


def crossing(frames: int = 60) -> list[list[np.ndarray]]:
    """Two people who walk through each other, listed in an order that changes at random."""
    rng = np.random.default_rng(3)
    made = []
    for t in range(frames):
        x = 200 + 600 * t / (frames - 1)
        pair = [jittered(person(x, 500, 1), rng), jittered(person(1000 - x, 510, 2), rng)]
        made.append((pair, bool(rng.integers(2))))
    return [pair[::-1] if turned else pair for pair, turned in made]


def walks_right(frames: list[list[np.ndarray]], ids: list[list[int]]) -> list[int]:
    """Identity, frame by frame, of the person with the shape of seed 1."""
    shape = person(0, 0, 1) - person(0, 0, 1).mean(0)
    away = [[np.abs(p - p.mean(0) - shape).mean() for p in people] for people in frames]
    return [ids[t][int(np.argmin(a))] for t, a in enumerate(away)]


def test_people_who_cross_keep_their_identity() -> None:
    frames = crossing()
    ids = follow(frames)
    assert len(set(walks_right(frames, ids))) == 1
    assert {i for people in ids for i in people} == {0, 1}


def test_nearest_box_alone_would_swap_them() -> None:
    """The canary of the test above: its crossing is one that boxes alone do not resolve."""
    frames = crossing()
    last = [box_of(p) for p in frames[0]]
    ids = [[0, 1]]
    for people in frames[1:]:
        boxes = np.array([box_of(p) for p in people])
        overlap = iou(np.array(last), boxes)
        straight = overlap[0, 0] + overlap[1, 1] >= overlap[0, 1] + overlap[1, 0]
        ids.append([0, 1] if straight else [1, 0])
        last = [boxes[ids[-1].index(0)], boxes[ids[-1].index(1)]]
    assert len(set(walks_right(frames, ids))) == 2


def test_a_swapped_input_is_noticed() -> None:
    """Two people far apart whose detections trade places: identities follow places, not order."""
    left, right = person(200, 500, 1), person(900, 500, 2)
    assert follow([[left, right]] * 3 + [[right, left]] * 3) == [[0, 1]] * 3 + [[1, 0]] * 3


def test_short_gap_is_bridged_at_walking_speed() -> None:
    frames = [[person(200 + 12 * t, 500)] if not 20 <= t < 28 else [] for t in range(50)]
    assert {i for people in follow(frames) for i in people} == {0}


def test_long_gap_makes_a_new_person() -> None:
    frames = [[person(300, 500)] if not 20 <= t < 31 else [] for t in range(40)]
    assert {i for people in follow(frames) for i in people} == {0, 1}
    assert {i for people in follow(frames, gap_frames=11) for i in people} == {0}


def test_somebody_else_in_another_place_is_new() -> None:
    frames = [[person(200, 500, 1)]] * 5 + [[person(900, 500, 2)]] * 5
    assert follow(frames) == [[0]] * 5 + [[1]] * 5


def test_crossing_with_one_hidden_behind_the_other() -> None:
    frames = crossing()
    hidden = [
        [people[0] if np.abs(people[0][0, 0] - person(0, 0, 1)[0, 0] - 500) < 150 else people[1]]
        if 28 <= t < 32
        else people
        for t, people in enumerate(frames)
    ]
    ids = follow(hidden)
    seen_twice = [(f, i) for f, i in zip(hidden, ids, strict=True) if len(f) == 2]
    kept = walks_right([f for f, _ in seen_twice], [i for _, i in seen_twice])
    assert len(set(kept)) == 1


def test_nobody_at_all() -> None:
    assert follow([[], [], []]) == [[], [], []]


def test_missing_joints_do_not_break_a_track() -> None:
    seen = person(300, 500)
    half = seen.copy()
    half[9:] = np.nan
    tracker = Tracker(COCO17, 5)
    box = box_of(seen)[None]
    ids = [int(tracker.update(xy[None], box)[0]) for xy in (seen, half, seen, half)]
    assert ids == [0, 0, 0, 0]


def test_oks_is_the_coco_metric() -> None:
    a = person(300, 500)
    area = np.array([[HEIGHT**2 * 0.2]])
    assert oks(a[None], a[None], area, JOINTS)[0, 0] == 1.0
    moved = a.copy()
    nose = COCO17.index("nose")
    moved[nose, 0] += 2 * 0.026 * np.sqrt(area[0, 0])  # one standard deviation, as COCO counts it
    expected = (16 + np.exp(-0.5)) / 17
    assert oks(a[None], moved[None], area, JOINTS)[0, 0] == pytest.approx(expected)
    assert oks(a[None], np.full((1, 17, 2), np.nan), area, JOINTS)[0, 0] == 0.0
    assert oks(a[None], a[None] + 1e4, area, JOINTS)[0, 0] < 1e-9


@pytest.mark.parametrize("skeleton", [COCO17, HALPE26, WHOLEBODY133])
def test_every_skeleton_has_joints_to_compare(skeleton) -> None:
    joints = OksJoints.of(skeleton)
    assert [skeleton.joints[i] for i in joints.index] == list(COCO17.joints)


def test_duplicates_are_dropped_and_neighbours_kept() -> None:
    one, other = person(300, 500, 1), person(380, 500, 2)
    rng = np.random.default_rng(0)
    people = np.stack([jittered(one, rng), other, one])
    boxes = np.stack([box_of(p) for p in people])
    assert distinct_people(people, boxes, np.array([0.5, 0.9, 0.7]), COCO17).tolist() == [1, 2]
    assert distinct_people(people[:0], boxes[:0], np.zeros(0), COCO17).tolist() == []


def test_box_around_a_limb_of_the_same_pose_is_a_duplicate() -> None:
    """The smaller box of the two decides how far apart joints may be."""
    one = person(300, 500, 1)
    boxes = np.stack([box_of(one), box_of(one)])
    assert distinct_people(np.stack([one, one + 1]), boxes, np.ones(2), COCO17).tolist() == [0]


def test_iou() -> None:
    a = np.array([[0.0, 0, 10, 10]])
    b = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(iou(a, b), [[1, 1 / 3, 0]])
