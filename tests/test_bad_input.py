"""Input that cannot serve: what was found, what is needed, what to do, and nothing lost."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from balance import STILL_VIDEOS, VIDEOS
from memory import looped
from sessions import published

from gentri.configs.settings import load_settings
from gentri.data import Detections, Poses3D, Timeline
from gentri.media.ffmpeg import ffmpeg_executable
from gentri.pipeline.runner import Silent
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Runtime
from gentri.stages import STAGES, calibrate, triangulate

FPS = 30


def film(path: Path, pictures: Iterable[np.ndarray]) -> Path:
    """An H.264 video of (H, W, 3) BGR pictures; of no frame when there are none."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 540, 960, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def pictures_of(video: Path, count: int) -> list[np.ndarray]:
    """Every third of the first frames, 540 × 960."""
    with av.open(str(video)) as container:
        frames = list(islice(container.decode(video=0), 3 * count))
        small = [f.reformat(540, 960, "bgr24").to_ndarray() for f in frames[::3]]
    return small


def trimmed(video: Path, path: Path, *options: str) -> Path:
    """A copy of the streams, shortened by options such as `-t 0.5`."""
    command = [ffmpeg_executable(), "-loglevel", "error", "-i", video, "-c", "copy", *options]
    subprocess.run([*command, path], check=True)
    return path


@pytest.fixture
def good(tmp_path) -> Path:
    """A video that is in order, of the name good.mp4."""
    return Path(shutil.copy(STILL_VIDEOS[0], tmp_path / "good.mp4"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.mp4", b"no video at all\n" * 50, "notes.mp4 is not a video"),
        ("empty.mp4", b"", "empty.mp4 is empty (0 bytes); a video is needed"),
        ("notes.txt", b"no video at all\n" * 50, "notes.txt is not a video"),
    ],
)
def test_not_a_video(refused, good, tmp_path, name, content, said):
    bad = tmp_path / name
    bad.write_bytes(content)
    assert said in refused(good, bad, "--session", tmp_path / "s")


def test_a_picture_is_not_a_video(refused, good, tmp_path):
    picture = tmp_path / "picture.jpg"
    cv2.imwrite(str(picture), pictures_of(good, 1)[0])
    said = refused(good, picture, "--session", tmp_path / "s")
    assert "picture.jpg is not a video" in said
    assert "a folder of pictures per camera" in said


def test_absent_video(refused, good, tmp_path):
    said = refused(good, tmp_path / "absent.mp4", "--session", tmp_path / "s")
    assert "absent.mp4 does not exist" in said
    assert not (tmp_path / "s").exists()


def test_recording_that_was_broken_off(refused, good, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(VIDEOS[0].read_bytes()[:200_000])
    said = refused(good, cut, "--session", tmp_path / "s")
    assert "without its index" in said
    assert "copy it from the camera again" in said


def test_copy_that_was_broken_off(refused, good, tmp_path):
    """The index is at the beginning and promises more than there is."""
    whole = trimmed(VIDEOS[3], tmp_path / "whole.mp4", "-movflags", "+faststart")
    content, cut = whole.read_bytes(), tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) // 4])
    said = refused(good, cut, "--session", tmp_path / "s")
    assert "cut.mp4 is cut off: its header states 1.7 s" in said
    assert "--set frames.end_s=" in said


def test_no_frames(refused, good, tmp_path):
    said = refused(good, film(tmp_path / "none.mp4", []), "--session", tmp_path / "s")
    assert "none.mp4" in said


def test_sound_alone(refused, good, tmp_path):
    sound = trimmed(VIDEOS[1], tmp_path / "sound.mp4", "-vn")
    said = refused(good, sound, "--session", tmp_path / "s")
    assert "sound.mp4 has no pictures: its streams are audio; a video stream is needed" in said


def test_one_camera(refused, good, tmp_path):
    said = refused(good, "--session", tmp_path / "s")
    assert "only one camera was found" in said
    assert "at least two" in said
    assert not (tmp_path / "s").exists()


def test_two_files_of_one_name(refused, tmp_path):
    said = refused(VIDEOS[0], STILL_VIDEOS[0], "--session", tmp_path / "s")
    assert "two cameras have the same name" in said
    assert str(VIDEOS[0]) in said and str(STILL_VIDEOS[0]) in said
    assert not (tmp_path / "s").exists()


def test_a_refused_video_can_be_put_right(program, refused, good, tmp_path):
    bad, session = tmp_path / "bad.mp4", tmp_path / "s"
    bad.write_bytes(b"no video")
    refused(good, bad, "--session", session)
    shutil.copy(STILL_VIDEOS[1], bad)
    assert program("frames", "--session", session).returncode == 0
    assert len(published(session)) == 2 * 11 + 1


def test_cameras_that_ran_for_different_times(program, tmp_path):
    """The common part is used, and said."""
    short = trimmed(VIDEOS[3], tmp_path / "short.mp4", "-t", "0.6")
    long = Path(shutil.copy(VIDEOS[2], tmp_path / "long.mp4"))
    done = program("frames", short, long, "--session", tmp_path / "s", "--json")
    assert done.returncode == 0
    assert "the cameras ran for different times" in done.stderr
    timeline = Timeline.load(tmp_path / "s" / "frames" / "timeline.npz")
    lengths = dict(zip(timeline.cameras, map(len, timeline.time_s), strict=True))
    assert lengths["long"] == 100
    assert 30 <= lengths["short"] <= 45


def test_a_camera_that_stopped_early_limits_the_poses(finished, tmp_path):
    """What a shorter cam02 would have left of the finished session: 15 of 25 frames."""
    session = Session.open(finished.root)
    params = load_settings(STAGES, session.settings_file)
    inputs = {name: tmp_path / name for name in ("frames", "detect", "calibrate", "triangulate")}
    for folder in inputs.values():
        folder.mkdir()
    whole = Timeline.load(finished.root / "frames" / "timeline.npz")
    kept = [slice(15 if name == "cam02" else None) for name in whole.cameras]
    time_s = tuple(t[k] for t, k in zip(whole.time_s, kept, strict=True))
    replace(whole, time_s=time_s).save(inputs["frames"] / "timeline.npz")
    for name, k in zip(whole.cameras, kept, strict=True):
        seen = Detections.load(finished.root / "detect" / f"{name}.npz")
        part = {f: getattr(seen, f)[k] for f in ("xy_px", "score", "box_px", "track")}
        replace(seen, **part).save(inputs["detect"] / f"{name}.npz")
    for stage in (calibrate.STAGE, triangulate.STAGE):
        out = inputs[stage.name]
        stage.run(Context(params[stage.name], out, inputs, session, Runtime(), Silent()))
    poses = Poses3D.load(inputs["triangulate"] / "poses3d.npz")
    assert len(poses.time_s) == 15
    np.testing.assert_allclose(poses.time_s, whole.time_s[0][:15], atol=1e-3)
    assert np.isfinite(poses.xyz[:, 0, poses.skeleton.body]).all(axis=-1).mean() >= 0.97


def test_a_time_range_that_no_video_has(refused, tmp_path):
    settings = ("--set", "frames.start_s=60")
    said = refused(*STILL_VIDEOS, "--session", tmp_path / "s", *settings)
    assert "has no frame from 60 s to the end" in said
    assert "change frames.start_s" in said


HOSTILE = ["two words ünïcode 人.mp4", "a..b.mp4", "q'u\"o.mp4", "[red]new\nline.mp4", "-dash.mp4"]


def test_hostile_names(program, tmp_path):
    folder = tmp_path / "[bold] …"
    folder.mkdir()
    for video, name in zip((*STILL_VIDEOS, STILL_VIDEOS[0]), HOSTILE, strict=True):
        shutil.copy(video, folder / name)
    with (folder / HOSTILE[-1]).open("ab") as file:
        file.write(b"\x00\x00\x00\x08free")  # not the same file twice
    session = folder / ".." / "-s [red]"
    done = program("frames", f"--session={session}", "--", *HOSTILE, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = Timeline.load(tmp_path / "-s [red]" / "frames" / "timeline.npz").cameras
    assert set(found) == {"two_words_ünïcode_人", "a__b", "q_u_o", "red_new_line", "dash"}
    assert "-s [red]/frames" in done.stdout
    assert "\nline" not in done.stderr
    again = program("frames", f"--session={session}", cwd=folder)
    assert "frames: fresh" in again.stderr


def test_a_name_that_looks_like_an_option(program, tmp_path):
    shutil.copy(STILL_VIDEOS[0], tmp_path / "-dash.mp4")
    done = program("run", "-dash.mp4", STILL_VIDEOS[1], cwd=tmp_path)
    assert done.returncode == 2
    assert "No such option" in done.stderr
    assert "--help" in done.stderr
    assert "after -- where a name begins with a dash" in " ".join(
        program("run", "--help").stdout.split()
    )
    assert [p.name for p in tmp_path.iterdir()] == ["-dash.mp4"]


def test_a_person_who_never_moves(refused, tmp_path):
    longer = [looped(video, 6, tmp_path) for video in STILL_VIDEOS[:2]]
    said = refused(*longer, "--session", tmp_path / "s", "--set", "frames.fps=15")
    assert "the person hardly moves" in said
    assert "walking" in said.partition("→")[2]
    assert {path.split("/")[0] for path in published(tmp_path / "s")} == {"frames", "detect"}


def test_videos_without_a_person(refused, tmp_path):
    noise = np.random.default_rng(0)
    for name in ("a", "b"):
        film(tmp_path / f"{name}.mp4", noise.integers(0, 255, (4, 960, 540, 3), dtype=np.uint8))
    said = refused(tmp_path / "a.mp4", tmp_path / "b.mp4", "--session", tmp_path / "s")
    assert "no person was found in any camera" in said


def test_cameras_that_never_see_the_person_together(refused, tmp_path):
    nobody = [np.full((960, 540, 3), 90, dtype=np.uint8)] * 11
    first = film(tmp_path / "first.mp4", [*pictures_of(VIDEOS[2], 11), *nobody])
    second = film(tmp_path / "second.mp4", [*nobody, *pictures_of(VIDEOS[3], 11)])
    said = refused(first, second, "--session", tmp_path / "s")
    assert "only 0 frames show the person to two cameras at once" in said
