from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from gentri.errors import SessionError
from gentri.media.overlay import write_overlay
from gentri.media.painter import DETECTED, RECONSTRUCTED, CameraView
from gentri.skeletons import COCO17

SOURCE = (1280, 960)  # the video
STORED = (640, 480)  # the frames on disk
PICTURE = (320, 240)  # the overlay
GREY = 60


def figure(x: float, frames: int) -> np.ndarray:
    """A figure in source pixels around x, wide enough for every limb to be apart, (T, J, 2)."""
    at = {"nose": (0, 80), "eye": (30, 60), "ear": (60, 80), "shoulder": (100, 200)}
    at |= {"elbow": (180, 330), "wrist": (220, 460), "hip": (70, 500), "knee": (90, 680)}
    at |= {"ankle": (100, 860)}
    joints = []
    for joint in COCO17.joints:
        dx, y = at[joint.split("_")[-1]]
        joints.append((x + (-dx if joint.startswith("right_") else dx), y))
    return np.tile(np.array(joints, float), (frames, 1, 1))


def make_view(frames: int = 4, name: str = "cam", rate_hz: float = 50.0) -> CameraView:
    """Reconstructed at x = 400, detected (surely) at x = 900."""
    return CameraView(
        name=name,
        width=SOURCE[0],
        height=SOURCE[1],
        time_s=2.5 + np.arange(frames) / rate_hz,
        skeleton=COCO17,
        detected_px=figure(900, frames)[:, None].astype(np.float32),
        score=np.ones((frames, 1, 17), np.float32),
        is_bystander=np.zeros((frames, 1), bool),
        track=np.zeros((frames, 1), np.int32),
        reprojected_px=figure(400, frames)[:, None],
        distance_px=np.full(frames, 7.5),
    )


def write_frames(folder: Path, frames: int, size: tuple[int, int] = STORED) -> Path:
    folder.mkdir(parents=True)
    for t in range(frames):
        picture = np.full((size[1], size[0], 3), GREY, np.uint8)
        (folder / f"{t:06d}.jpg").write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
    return folder


def overlay(tmp_path: Path, view: CameraView, rate_hz: float = 50.0, side_px: int = 320) -> Path:
    frames = tmp_path / "frames" / "cam"
    if not frames.exists():
        write_frames(frames, len(view.time_s))
    path = tmp_path / "overlay.mp4"
    write_overlay(view, frames, path, rate_hz, side_px, lambda: None)
    return path


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as video:
        return np.stack([f.to_ndarray(format="bgr24") for f in video.decode(video=0)])


def colour_at(picture: np.ndarray, xy_source: np.ndarray) -> np.ndarray:
    """Colour where a source pixel lies in the picture, which begins at the top left."""
    x, y = np.round((xy_source + 0.5) * (PICTURE[0] / SOURCE[0]) - 0.5).astype(int)
    return picture[y, x].astype(int)


def middle(joints: np.ndarray, limb: tuple[str, str]) -> np.ndarray:
    return joints[[COCO17.index(j) for j in limb]].mean(axis=0)


def is_like(colour: np.ndarray, wanted: tuple[int, int, int]) -> bool:
    """Same hue, whatever the softness of thin lines and of chroma at half resolution."""
    a, b = colour - colour.mean(), np.array(wanted) - np.mean(wanted)
    return bool(np.linalg.norm(a) > 20 and a @ b > 0.8 * np.linalg.norm(a) * np.linalg.norm(b))


def test_video_has_every_frame_its_size_rate_and_a_format_for_browsers(tmp_path: Path) -> None:
    path = overlay(tmp_path, make_view(frames=7), rate_hz=60000 / 1001)
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        times = [f.time for f in video.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == Fraction(60000, 1001)
        assert stream.width == PICTURE[0]
        assert stream.height > PICTURE[1]
        assert stream.height % 2 == 0
    np.testing.assert_allclose(times, np.arange(7) * 1001 / 60000, atol=1e-4)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")  # plays before it is fully loaded


@pytest.mark.parametrize(
    ("limb", "side"),
    [
        (("left_shoulder", "left_elbow"), 0),
        (("right_knee", "right_ankle"), 1),
        (("left_hip", "right_hip"), 2),
    ],
)
def test_limbs_are_drawn_where_they_are_in_the_colour_of_their_side(
    tmp_path: Path, limb: tuple[str, str], side: int
) -> None:
    view = make_view()
    for picture in decode(overlay(tmp_path, view)):
        assert is_like(
            colour_at(picture, middle(view.reprojected_px[0, 0], limb)), RECONSTRUCTED[side]
        )
        found = colour_at(picture, middle(view.detected_px[0, 0], limb))
        assert is_like(found, DETECTED[side]) or (side == 2 and found.min() > GREY + 60)
        assert np.abs(colour_at(picture, np.array([640.0, 480.0])) - GREY).max() < 12


def test_frames_of_any_stored_size_give_the_same_places(tmp_path: Path) -> None:
    view = make_view(frames=2)
    write_frames(tmp_path / "frames" / "cam", 2, size=SOURCE)
    picture = decode(overlay(tmp_path, view))[0]
    wrist = middle(view.reprojected_px[0, 0], ("left_elbow", "left_wrist"))
    assert is_like(colour_at(picture, wrist), RECONSTRUCTED[0])


def test_small_frames_are_not_enlarged_and_odd_ones_become_even(tmp_path: Path) -> None:
    write_frames(tmp_path / "frames" / "cam", 2, size=(401, 301))
    pictures = decode(overlay(tmp_path, make_view(frames=2), side_px=960))
    assert pictures.shape[2] == 400
    assert is_like(
        pictures[0][round(590 * 300 / 960), round(320 * 400 / 1280)].astype(int), RECONSTRUCTED[1]
    )


def test_people_move_with_time(tmp_path: Path) -> None:
    view = make_view(frames=2)
    moved = view.reprojected_px.copy()
    moved[1, ..., 0] += 150
    pictures = decode(overlay(tmp_path, replace(view, reprojected_px=moved)))
    limb = ("right_hip", "right_knee")
    for t in (0, 1):
        assert is_like(colour_at(pictures[t], middle(moved[t, 0], limb)), RECONSTRUCTED[1])
        assert not is_like(colour_at(pictures[t], middle(moved[1 - t, 0], limb)), RECONSTRUCTED[1])


def test_unsure_detections_fade_and_unseen_ones_vanish(tmp_path: Path) -> None:
    view = make_view(frames=3)
    score = np.ones((3, 1, 17), np.float32) * np.array([1.0, 0.3, 0.0], np.float32)[:, None, None]
    pictures = decode(overlay(tmp_path, replace(view, score=score)))
    at = middle(view.detected_px[0, 0], ("left_hip", "left_knee"))
    contrast = [np.abs(colour_at(p, at) - GREY).max() for p in pictures]
    assert contrast[0] > 1.5 * contrast[1] > 30
    assert contrast[2] < 12


def test_a_limb_is_as_sure_as_its_less_sure_end(tmp_path: Path) -> None:
    view = make_view(frames=2)
    view.score[1, 0, COCO17.index("left_knee")] = 0.2
    pictures = decode(overlay(tmp_path, view))
    at = middle(view.detected_px[0, 0], ("left_hip", "left_knee"))
    sure, unsure = (np.abs(colour_at(p, at) - GREY).max() for p in pictures)
    assert sure > 1.5 * unsure


def test_bystanders_are_grey(tmp_path: Path) -> None:
    view = replace(make_view(frames=1), is_bystander=np.ones((1, 1), bool))
    found = colour_at(
        decode(overlay(tmp_path, view))[0],
        middle(view.detected_px[0, 0], ("left_hip", "left_knee")),
    )
    assert found.min() > GREY + 40
    assert np.ptp(found) < 25


def test_what_is_missing_or_far_outside_is_not_drawn(tmp_path: Path) -> None:
    view = make_view(frames=2)
    detected, reprojected = view.detected_px.copy(), view.reprojected_px.copy()
    detected[0], reprojected[0] = np.nan, np.nan
    detected[1], reprojected[1] = 1e9, -1e12
    view = replace(view, detected_px=detected, reprojected_px=reprojected)
    for picture in decode(overlay(tmp_path, view)):
        assert np.abs(picture[: PICTURE[1]].astype(int) - GREY).max() < 12


def test_a_limb_with_an_end_far_outside_is_not_drawn(tmp_path: Path) -> None:
    view = make_view(frames=1)
    elbow, wrist = (COCO17.index(f"left_{j}") for j in ("elbow", "wrist"))
    view.reprojected_px[0, 0, wrist] = view.reprojected_px[0, 0, elbow] + np.array([50000, 0])
    picture = decode(overlay(tmp_path, view))[0]
    beside = view.reprojected_px[0, 0, elbow] + np.array([80, 0])
    assert np.abs(colour_at(picture, beside) - GREY).max() < 12


def test_several_people_and_nobody(tmp_path: Path) -> None:
    view = make_view(frames=2)
    both = np.concatenate([figure(400, 2)[:, None], figure(900, 2)[:, None]], axis=1)
    empty = replace(
        view,
        reprojected_px=both,
        detected_px=view.detected_px[:, :0],
        score=view.score[:, :0],
        is_bystander=view.is_bystander[:, :0],
        track=view.track[:, :0],
    )
    picture = decode(overlay(tmp_path, empty))[0]
    for person in both[0]:
        found = colour_at(picture, middle(person, ("left_knee", "left_ankle")))
        assert is_like(found, RECONSTRUCTED[0])
    nobody = decode(overlay(tmp_path, replace(empty, reprojected_px=both[:, :0])))[0]
    assert np.abs(nobody[: PICTURE[1]].astype(int) - GREY).max() < 12


@pytest.mark.parametrize("name", ["Süd – Привет", "x" * 300, "two\nlines", "東京", ""])
def test_the_strip_holds_any_name_and_is_never_cut(tmp_path: Path, name: str) -> None:
    strip = decode(overlay(tmp_path, make_view(frames=1, name=name)))[0][PICTURE[1] :]
    border = np.concatenate([strip[:2].ravel(), strip[-2:].ravel(), strip[:, -2:].ravel()])
    assert border.max() < 70  # no letter touches the edge
    assert strip.max() > 180


def test_tiny_pictures_get_a_strip_wide_enough_for_its_words(tmp_path: Path) -> None:
    picture = decode(overlay(tmp_path, make_view(frames=1), side_px=64))[0]
    assert picture.shape[1] > 200
    assert picture[48:].max() > 180


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    view = make_view(frames=12)
    first = overlay(tmp_path, view).read_bytes()
    assert overlay(tmp_path, view).read_bytes() == first


def test_a_missing_frame_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    view = make_view(frames=4)
    frames = write_frames(tmp_path / "frames" / "cam", 4)
    (frames / "000002.jpg").unlink()
    with pytest.raises(SessionError, match=r"cam/000002\.jpg is missing"):
        overlay(tmp_path, view)
    assert [p.name for p in tmp_path.iterdir()] == ["frames"]


def test_a_failing_encoder_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'No space left on device' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("gentri.media.encode.ffmpeg_executable", lambda: str(broken))
    with pytest.raises(SessionError, match="No space left on device"):
        overlay(tmp_path, make_view(frames=40))
    assert not (tmp_path / "overlay.mp4").exists()
