import sys
from fractions import Fraction
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from numbered import copy_streams, numbers, record

from gentri.errors import InputError, SessionError
from gentri.media import store
from gentri.media.clip import Clip, Picture, fit
from gentri.media.decode import _explained, _passthrough
from gentri.media.extract import Extraction, extract_chunk
from gentri.media.ffmpeg import FfmpegFailedError, ffmpeg_executable
from gentri.media.probe import probe_video
from gentri.media.sampling import Sampling, plan_chunks

ALL = Sampling(None, 0.0, None)


def extract(
    clip: Clip,
    folder: Path,
    sampling: Sampling = ALL,
    max_side_px: int | None = None,
    chunk_frames: int = 20,
) -> np.ndarray:
    """Seconds of the frames written to `folder`."""
    chunks = plan_chunks(clip, sampling, chunk_frames)
    extraction = Extraction(
        "cam", clip, sampling, Picture(fit(clip.size_px, max_side_px), 90), chunks
    )
    parts = folder.parent / f"{folder.name}-parts"
    store.extract_all([extraction], parts, 2, lambda _: None)
    return clip.seconds(store.assemble(extraction, parts, folder))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("h264.mp4", "libx264", {"bf": "3"}),
        ("h264.mkv", "libx264", {"bf": "3"}),
        ("h264.mov", "libx264", {"bf": "0"}),
        ("h264.ts", "libx264", {"bf": "3"}),
        ("h264.avi", "libx264", {"bf": "3"}),
        ("h264.h264", "libx264", {"bf": "3"}),
        ("open_gop.mp4", "libx265", {"x265-params": "keyint=10:bframes=3:open-gop=1:log-level=0"}),
        (
            "vp9.webm",
            "libvpx-vp9",
            {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime"},
        ),
        ("vp8.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("mpeg4.avi", "mpeg4", {}),
        ("mpeg4_bframes.avi", "mpeg4", {"bf": "2"}),
        ("mpeg4.mp4", "mpeg4", {"bf": "2"}),
        ("mpeg2.mpg", "mpeg2video", {"bf": "2"}),
        ("mjpeg.avi", "mjpeg", {}),
    ],
)
def test_every_frame_once_and_in_order(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    clip = probe_video(record(tmp_path / name, 60, codec, options=options))
    time_s = extract(clip, tmp_path / "out")
    assert numbers(tmp_path / "out") == list(range(60))
    assert clip.size_px == (80, 48)
    # One of the containers repeats a stamp in the middle; all tell the rate.
    assert np.diff(time_s).min() > 0
    np.testing.assert_allclose(np.median(np.diff(time_s)), 0.04, atol=1e-6)
    if clip.stamped:
        np.testing.assert_allclose(time_s, np.arange(60) / 25, atol=1e-9)
        assert len(plan_chunks(clip, ALL, 20)) > 1


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_rotation_tag_is_applied(tmp_path: Path, rotation_deg: int) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 30, rotation_deg=rotation_deg))
    extract(clip, tmp_path / "out")
    assert clip.size_px == (80, 48)
    assert clip.rotation_deg == rotation_deg
    assert numbers(tmp_path / "out") == list(range(30))
    assert cv2.imread(str(tmp_path / "out" / "000000.jpg")).shape == (48, 80, 3)


def test_variable_frame_rate_keeps_the_containers_stamps(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pts = np.cumsum(rng.integers(5, 120, 80)) + 300  # milliseconds
    video = record(
        tmp_path / "a.mp4", 80, pts=pts.tolist(), time_base=Fraction(1, 1000), options={"bf": "2"}
    )
    time_s = extract(probe_video(video), tmp_path / "out")
    assert numbers(tmp_path / "out") == list(range(80))
    np.testing.assert_allclose(np.diff(time_s), np.diff(pts) / 1000, atol=1e-4)


def test_variable_frame_rate_keeps_the_frame_nearest_to_each_tick(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    pts = np.cumsum(rng.integers(5, 60, 90))
    pts -= pts[0]
    video = record(tmp_path / "a.mkv", 90, pts=pts.tolist(), time_base=Fraction(1, 1000))
    time_s = extract(probe_video(video), tmp_path / "out", Sampling(10.0, 0.0, None))
    ticks = np.arange(0, pts[-1] + 1, 100)
    nearest = np.abs(pts[None] - ticks[:, None]).argmin(axis=1)
    expected = np.unique(nearest)
    assert numbers(tmp_path / "out") == expected.tolist()
    np.testing.assert_allclose(time_s, pts[expected] / 1000, atol=1e-9)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.h264"])
@pytest.mark.parametrize(("fps", "step"), [(12.5, 2), (5.0, 5), (25.0, 1), (60.0, 1)])
def test_a_lower_frame_rate_thins_and_a_higher_one_repeats_nothing(
    tmp_path: Path, name: str, fps: float, step: int
) -> None:
    clip = probe_video(record(tmp_path / name, 61, options={"bf": "2"}))
    extract(clip, tmp_path / "out", Sampling(fps, 0.0, None))
    assert numbers(tmp_path / "out") == list(range(0, 61, step))


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv", "a.avi"])
def test_time_range_includes_its_start_and_not_its_end(tmp_path: Path, name: str) -> None:
    clip = probe_video(record(tmp_path / name, 75, options={"bf": "2" if name != "a.avi" else "0"}))
    np.testing.assert_allclose(clip.time_s, np.arange(75) / 25, atol=1e-9)
    time_s = extract(clip, tmp_path / "out", Sampling(None, 0.52, 2.0))
    assert numbers(tmp_path / "out") == list(range(13, 50))
    np.testing.assert_allclose(time_s[[0, -1]], [0.52, 1.96], atol=1e-9)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_sound_does_not_change_the_clock(tmp_path: Path, name: str, b_frames: str) -> None:
    times = []
    for audio in (False, True):
        video = tmp_path / f"{audio}_{name}"
        clip = probe_video(record(video, 50, audio=audio, options={"bf": b_frames}))
        times.append(extract(clip, tmp_path / video.stem, Sampling(None, 0.2, 1.0)))
        assert numbers(tmp_path / video.stem) == list(range(5, 25))
    np.testing.assert_array_equal(*times)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_sound_that_begins_earlier_is_told_and_does_not_move_the_frames(
    tmp_path: Path, name: str
) -> None:
    clip = probe_video(record(tmp_path / name, 30, pts=range(10, 40), audio=True))
    assert clip.audio_start_s == pytest.approx(-0.4, abs=0.05)
    np.testing.assert_allclose(clip.time_s, np.arange(30) / 25, atol=1e-6)
    extract(clip, tmp_path / "out", Sampling(None, 0.2, 0.4))
    assert numbers(tmp_path / "out") == list(range(5, 10))


def test_made_up_stamps_begin_at_zero(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.avi", 30, options={"bf": "3"}))
    assert not clip.stamped
    time_s = extract(clip, tmp_path / "out", Sampling(None, 0.2, 0.4))
    np.testing.assert_allclose(time_s, np.arange(5, 10) / 25, atol=1e-9)
    assert numbers(tmp_path / "out") == list(range(5, 10))


def test_frames_and_stamps_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 5))
    chunks = plan_chunks(clip, ALL)
    synced: list[str] = []
    monkeypatch.setattr("gentri.media.extract.sync_file", lambda path: synced.append(path.name))
    (tmp_path / "out").mkdir()
    work = Extraction("cam", clip, ALL, Picture(clip.size_px, 90), chunks)
    extract_chunk(work, chunks[0], tmp_path / "out", 1, Event())
    assert sorted(synced) == sorted(p.name for p in (tmp_path / "out").iterdir())


def test_chunks_of_another_length_are_not_mixed_in(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 60, options={"sc_threshold": "0"}))
    parts = tmp_path / "parts"
    for chunk_frames in (10, 20):
        chunks = plan_chunks(clip, ALL, chunk_frames)
        work = Extraction("cam", clip, ALL, Picture(clip.size_px, 90), chunks)
        store.extract_all([work], parts, 2, lambda _: None)
    assert {"000000-000009", "000000-000019"} < {p.name for p in (parts / "cam").iterdir()}
    store.assemble(work, parts, tmp_path / "out")
    assert numbers(tmp_path / "out") == list(range(60))


def test_a_chunk_that_lost_a_frame_is_refused(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 30, options={"sc_threshold": "0"}))
    work = Extraction("cam", clip, ALL, Picture(clip.size_px, 90), plan_chunks(clip, ALL, 10))
    store.extract_all([work], tmp_path / "parts", 1, lambda _: None)
    (tmp_path / "parts" / "cam" / "000010-000019" / "000003.jpg").unlink()
    with pytest.raises(SessionError, match=r"000010-000019 has lost its frame 000003\.jpg"):
        store.assemble(work, tmp_path / "parts", tmp_path / "out")


def test_the_clock_starts_with_the_first_frame(tmp_path: Path) -> None:
    late = record(tmp_path / "a.ts", 30, pts=range(250, 280))
    clip = probe_video(late)
    assert clip.pts[0] * clip.time_base > 5
    np.testing.assert_allclose(extract(clip, tmp_path / "out"), np.arange(30) / 25, atol=1e-9)


def test_frames_cut_off_by_an_edit_list_are_not_shown(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole.mp4", 60, audio=True, options={"bf": "2"})
    cut = copy_streams(whole, tmp_path / "cut.mp4", "-ss", "0.6")
    time_s = extract(probe_video(cut), tmp_path / "out")
    assert numbers(tmp_path / "out") == list(range(15, 60))
    np.testing.assert_allclose(np.diff(time_s), 0.04, atol=1e-4)
    assert time_s[0] == 0.0  # sound frames do not end where pictures begin


def test_sound_and_odd_sizes(tmp_path: Path) -> None:
    video = record(tmp_path / "a.webm", 30, "libvpx-vp9", size_px=(81, 49))
    clip = probe_video(video)
    extract(clip, tmp_path / "out", max_side_px=60)
    assert clip.size_px == (81, 49) and clip.audio_start_s is None
    assert numbers(tmp_path / "out") == list(range(30))
    assert cv2.imread(str(tmp_path / "out" / "000000.jpg")).shape == (36, 60, 3)
    sound = probe_video(record(tmp_path / "b.mp4", 30, audio=True)).audio_start_s
    assert sound is not None and abs(sound) < 0.05


def test_pixels_become_square(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.mkv", 20, aspect=Fraction(4, 3)))
    extract(clip, tmp_path / "out")
    assert clip.size_px == (107, 48)
    assert cv2.imread(str(tmp_path / "out" / "000000.jpg")).shape == (48, 107, 3)
    assert numbers(tmp_path / "out") == list(range(20))


def test_chunks_are_seamless_and_do_not_change_the_bytes(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 100, options={"bf": "3"}))
    assert len(plan_chunks(clip, ALL, 10)) > 5
    assert len(plan_chunks(clip, ALL, 1000)) == 1
    extract(clip, tmp_path / "many", chunk_frames=10)
    extract(clip, tmp_path / "one", chunk_frames=1000)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "many" / path.name).read_bytes()


def test_resized_pixels_keep_their_place(tmp_path: Path) -> None:
    """A point at x in the source is at (x + 0.5)·s − 0.5 in the stored frame."""
    image = np.zeros((120, 200, 3), dtype=np.uint8)
    center = np.array([140.3, 41.8])
    rows, columns = np.mgrid[:120, :200]
    spot = np.exp(-((columns - center[0]) ** 2 + (rows - center[1]) ** 2) / (2 * 6.0**2))
    image[:] = (spot * 255).astype(np.uint8)[..., None]
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 200, 120, "yuv444p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    extract(probe_video(tmp_path / "a.mkv"), tmp_path / "out", max_side_px=100)
    stored = cv2.imread(str(tmp_path / "out" / "000000.jpg"), cv2.IMREAD_GRAYSCALE).astype(float)
    stored[stored < 10] = 0
    y, x = np.mgrid[: stored.shape[0], : stored.shape[1]]
    found = np.array([(stored * x).sum(), (stored * y).sum()]) / stored.sum()
    np.testing.assert_allclose(found, (center + 0.5) * 0.5 - 0.5, atol=0.06)


def test_a_smaller_quality_makes_smaller_files(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 1, size_px=(320, 240)))
    sizes = []
    for quality in (95, 70, 30):
        folder = tmp_path / str(quality)
        folder.mkdir()
        chunks = plan_chunks(clip, ALL)
        extraction = Extraction("cam", clip, ALL, Picture(clip.size_px, quality), chunks)
        extract_chunk(extraction, chunks[0], folder, 1, Event())
        sizes.append((folder / "000000.jpg").stat().st_size)
    assert sizes[0] > sizes[1] > sizes[2]


def test_works_with_an_ffmpeg_of_either_spelling() -> None:
    option = _passthrough(ffmpeg_executable())
    assert option in ({"fps_mode": "passthrough"}, {"vsync": "0"})


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("av_interleaved_write_frame(): No space left on device", 228, "disk became full"),
        ("", -11, r"crashed \(signal 11\)"),
        ("first\nInvalid data found", 183, "a.mp4: Invalid data found"),
    ],
)
def test_failures_of_ffmpeg_are_told_apart(words: str, code: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        raise _explained(Path("/a.mp4"), FfmpegFailedError(code, words), "ffmpeg")
