import numpy as np

from gentri.export.agreement import distance_px, match_people


def person(x: float, frames: int = 3) -> np.ndarray:
    """Six joints of a 100 px tall figure at x, (T, J, 2)."""
    column = np.stack([np.full(6, x), np.linspace(50, 150, 6)], axis=-1)
    return np.tile(column, (frames, 1, 1))


def test_the_near_detection_is_the_person_and_the_far_one_is_not() -> None:
    detected = np.stack([person(400), person(203)], axis=1)
    reprojected = person(200)[:, None]
    slots = match_people(detected, reprojected)
    assert slots.tolist() == [[1], [1], [1]]
    np.testing.assert_allclose(distance_px(detected, reprojected, slots), 3.0)


def test_nobody_fits() -> None:
    detected, reprojected = person(400)[:, None], person(200)[:, None]
    slots = match_people(detected, reprojected)
    assert slots.tolist() == [[-1], [-1], [-1]]
    assert np.isnan(distance_px(detected, reprojected, slots)).all()


def test_two_people_get_different_detections() -> None:
    detected = np.stack([person(212), person(203)], axis=1)
    reprojected = np.stack([person(200), person(205)], axis=1)
    assert match_people(detected, reprojected).tolist() == [[1, 0]] * 3


def test_missing_joints_are_left_out() -> None:
    detected, reprojected = person(202)[:, None].copy(), person(200)[:, None].copy()
    detected[0, 0, :3] = np.nan
    reprojected[1] = np.nan
    detected[2] = np.nan
    slots = match_people(detected, reprojected)
    assert slots.tolist() == [[0], [-1], [-1]]
    assert distance_px(detected, reprojected, slots)[0, 0] == 2.0


def test_no_detections_no_people_no_frames() -> None:
    one, none = person(200)[:, None], np.empty((3, 0, 6, 2))
    slots = match_people(none, one)
    assert slots.tolist() == [[-1], [-1], [-1]]
    assert np.isnan(distance_px(none, one, slots)).all()
    assert match_people(one, none).shape == (3, 0)
    assert match_people(one[:0], one[:0]).shape == (0, 1)
