import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tomlkit

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))

from numbered import draw, numbers, record

import gentri.configs
from gentri.data import Timeline
from gentri.errors import InputError
from gentri.pipeline.digests import Select
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Runtime
from gentri.stages.frames import STAGE, FramesParams


class FakeSession:
    def __init__(self, sources: dict[str, Path]) -> None:
        self.sources = sources

    def digest(self, path: Path, select: Select) -> str:
        files = select(path) if path.is_dir() else [path]
        return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()


class Diary:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def advance(self, done: int, total: int, unit: str) -> None:
        assert unit == "frames"
        self.steps.append((done, total))

    def say(self, text: str) -> None:
        self.said.append(text)


def default_params() -> FramesParams:
    text = (Path(gentri.configs.__file__).parent / "default.toml").read_text(encoding="utf-8")
    return FramesParams(**tomlkit.parse(text).unwrap()["frames"])


def context(out: Path, sources: dict[str, Path], **settings: Any) -> Context:
    out.mkdir(parents=True, exist_ok=True)
    params = replace(default_params(), **settings)
    return Context(params, out, {}, FakeSession(sources), Runtime(), Diary())  # pyright: ignore


def published(out: Path) -> dict[str, bytes]:
    files = (p for p in out.rglob("*") if p.is_file() and "_parts" not in p.parts)
    return {str(p.relative_to(out)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    return {
        "left": record(folder / "left.mp4", 700, options={"bf": "2", "g": "50"}),
        "right": record(folder / "right.webm", 700, "libvpx-vp9", options={"deadline": "realtime"}),
    }


def test_frames_timeline_and_metrics(tmp_path: Path, videos: dict[str, Path]) -> None:
    work = context(tmp_path / "out", videos)
    metrics = STAGE.run(work)
    timeline = Timeline.load(tmp_path / "out" / "timeline.npz")
    assert timeline.cameras == ("left", "right")
    assert timeline.size_px.tolist() == [[80, 48], [80, 48]]
    for name, time_s in zip(timeline.cameras, timeline.time_s, strict=True):
        assert numbers(work.out / name) == list(range(700))
        np.testing.assert_allclose(time_s, np.arange(700) / 25, atol=1e-9)
    left = metrics["cameras"]["left"]
    assert left["frames"] == left["frames_listed"] == 700
    assert left["fps"] == pytest.approx(25)
    assert (left["codec"], left["size_px"], left["rotation_deg"]) == ("h264", [80, 48], 0)
    assert left["bytes"] == sum(p.stat().st_size for p in (work.out / "left").iterdir())
    assert metrics["warnings"] == []
    steps = work.progress.steps
    assert steps[0] == (0, 1400) and steps[-1] == (1400, 1400) and len(steps) > 4
    assert any("MB are free" in s or "GB are free" in s for s in work.progress.said)


def test_settings_reach_the_frames(tmp_path: Path, videos: dict[str, Path]) -> None:
    work = context(
        tmp_path / "out", videos, fps=5.0, start_s=2.0, end_s=20.0, max_side_px=60, jpeg_quality=70
    )
    metrics = STAGE.run(work)
    timeline = Timeline.load(work.out / "timeline.npz")
    for name, time_s in zip(timeline.cameras, timeline.time_s, strict=True):
        assert numbers(work.out / name) == list(range(50, 500, 5))
        np.testing.assert_allclose(time_s, np.arange(50, 500, 5) / 25, atol=1e-9)
        assert cv2.imread(str(work.out / name / "000000.jpg")).shape == (36, 60, 3)
    assert timeline.size_px.tolist() == [[80, 48], [80, 48]]
    assert metrics["cameras"]["right"]["stored_size_px"] == [60, 36]


def test_equal_input_gives_equal_bytes(tmp_path: Path, videos: dict[str, Path]) -> None:
    one, other = context(tmp_path / "one", videos), context(tmp_path / "other", videos)
    STAGE.run(one)
    STAGE.run(replace(other, runtime=Runtime(workers=5)))
    assert published(one.out) == published(other.out)


def test_a_broken_off_run_continues(tmp_path: Path, videos: dict[str, Path]) -> None:
    whole, broken = context(tmp_path / "whole", videos), context(tmp_path / "broken", videos)
    STAGE.run(whole)

    class Interrupting(Diary):
        def advance(self, done: int, total: int, unit: str) -> None:
            super().advance(done, total, unit)
            if done:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        STAGE.run(replace(broken, progress=Interrupting(), runtime=Runtime(workers=1)))
    kept = {p: p.stat().st_mtime_ns for p in broken.parts.glob("*/*/pts.npy")}
    assert kept
    assert not list(broken.parts.glob(".*"))
    STAGE.run(broken)
    assert published(broken.out) == published(whole.out)
    assert all(path.stat().st_mtime_ns == changed for path, changed in kept.items())
    assert broken.progress.steps[0][0] > 0


_RUN = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
import test_frames as t
t.STAGE.run(t.context(Path({out!r}), {{n: Path(p) for n, p in {sources!r}.items()}}))
"""


def test_killed_runs_end_with_the_bytes_of_an_unbroken_one(
    tmp_path: Path, videos: dict[str, Path]
) -> None:
    whole, killed = context(tmp_path / "whole", videos), tmp_path / "killed"
    STAGE.run(whole)
    script = _RUN.format(
        here=str(Path(__file__).parent),
        out=str(killed),
        sources={name: str(path) for name, path in videos.items()},
    )
    finished: dict[Path, int] = {}
    for kept in (1, 2):
        process = subprocess.Popen([sys.executable, "-c", script])
        while process.poll() is None and len(list(killed.glob("_parts/[!.]*/*/pts.npy"))) < kept:
            time.sleep(0.005)
        assert process.poll() is None
        process.kill()
        process.wait()
        for path in killed.glob("_parts/[!.]*/*/pts.npy"):
            assert finished.setdefault(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns
    subprocess.run([sys.executable, "-c", script], check=True)
    assert all(path.stat().st_mtime_ns == changed for path, changed in finished.items())
    assert published(killed) == published(whole.out)


def test_a_kill_while_frames_are_moved_into_place(
    tmp_path: Path, videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = context(tmp_path / "whole", videos), context(tmp_path / "broken", videos)
    STAGE.run(whole)
    real, count = os.replace, 0

    def replace_some(source: Any, target: Any) -> None:
        nonlocal count
        if Path(target).parent.name == "right":
            count += Path(target).suffix == ".jpg"
            if count == 350:
                raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace_some)
    with pytest.raises(KeyboardInterrupt):
        STAGE.run(broken)
    monkeypatch.undo()
    STAGE.run(broken)
    assert published(broken.out) == published(whole.out)


def test_pictures_and_videos_together(tmp_path: Path, videos: dict[str, Path]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(30):
        image = cv2.cvtColor(draw(number), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    sources = {"video": videos["left"], "pictures": folder}
    with pytest.raises(InputError, match="do not tell their frame rate"):
        STAGE.run(context(tmp_path / "out", sources))
    work = context(tmp_path / "out", sources, image_fps=25.0, end_s=1.2, fps=12.5)
    metrics = STAGE.run(work)
    assert numbers(work.out / "pictures") == numbers(work.out / "video") == list(range(0, 30, 2))
    assert metrics["cameras"]["pictures"]["codec"] == "png"


def test_not_enough_disk(
    tmp_path: Path, videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = context(tmp_path / "out", videos)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 200_000))
    with pytest.raises(InputError, match=r"not enough disk: .* MB; 0\.2 MB are free") as caught:
        STAGE.run(work)
    for option in ("frames.fps", "frames.max_side_px", "frames.jpeg_quality", "--session"):
        assert option in caught.value.hint
    assert not (work.out / "left").exists()


def test_the_disk_is_estimated_well(tmp_path: Path, videos: dict[str, Path]) -> None:
    work = context(tmp_path / "out", videos)
    metrics = STAGE.run(work)
    (line,) = [text for text in work.progress.said if "the frames take" in text]
    estimate = float(line.split("about ")[1].split(" MB")[0]) * 1e6
    total = sum(camera["bytes"] for camera in metrics["cameras"].values())
    assert 0.8 < estimate / total < 1.25


def cut(source: Path, target: Path, share: float) -> Path:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def test_a_video_cut_off_late_is_used_as_far_as_it_goes(
    tmp_path: Path, videos: dict[str, Path]
) -> None:
    whole = record(tmp_path / "whole.mp4", 700, container_options={"movflags": "faststart"})
    sources = {"cut": cut(whole, tmp_path / "cut.mp4", 0.8), "right": videos["right"]}
    work = context(tmp_path / "out", sources)
    metrics = STAGE.run(work)
    found = numbers(work.out / "cut")
    assert found == list(range(len(found))) and 400 < len(found) < 690
    assert any("is cut off: its header states 28.0 s" in w for w in metrics["warnings"])
    assert any("ran for different times" in w for w in metrics["warnings"])
    assert set(metrics["warnings"]) <= set(work.progress.said)


def test_a_video_cut_off_early_is_refused_with_a_way_out(
    tmp_path: Path, videos: dict[str, Path]
) -> None:
    whole = record(tmp_path / "whole.mp4", 700, container_options={"movflags": "faststart"})
    sources = {"cut": cut(whole, tmp_path / "cut.mp4", 0.35), "right": videos["right"]}
    with pytest.raises(InputError, match=r"cut\.mp4 is cut off: its header states 28") as caught:
        STAGE.run(context(tmp_path / "out", sources))
    end_s = float(caught.value.hint.split("frames.end_s=")[1].split(";")[0])
    work = context(tmp_path / "out", sources, end_s=end_s)
    STAGE.run(work)
    assert numbers(work.out / "cut") == list(range(len(numbers(work.out / "cut"))))


def test_a_video_damaged_in_the_middle(tmp_path: Path, videos: dict[str, Path]) -> None:
    data = bytearray(videos["left"].read_bytes())
    third = len(data) // 3
    data[third : third + third // 3] = bytes(third // 3)
    (tmp_path / "damaged.mp4").write_bytes(bytes(data))
    sources = {"damaged": tmp_path / "damaged.mp4", "right": videos["right"]}
    work = context(tmp_path / "out", sources)
    metrics = STAGE.run(work)
    time_s, _ = Timeline.load(work.out / "timeline.npz").time_s
    found = numbers(work.out / "damaged")
    assert len(found) == len(time_s) < 700
    assert f"damaged.mp4 is damaged: only {len(found)} of 700 frames" in metrics["warnings"][0]
    assert work.progress.said[-1] == metrics["warnings"][0]
    # What lies outside the damage keeps its place on the clock.
    assert np.mean(np.array(found) == np.round(time_s * 25)) > 0.9


def test_a_video_damaged_nearly_everywhere(tmp_path: Path, videos: dict[str, Path]) -> None:
    data = bytearray(videos["left"].read_bytes())
    pictures, index = data.index(b"mdat"), data.index(b"moov")
    begin, end = pictures + (index - pictures) // 10, index - (index - pictures) // 10
    data[begin:end] = bytes(end - begin)
    (tmp_path / "damaged.mp4").write_bytes(bytes(data))
    sources = {"damaged": tmp_path / "damaged.mp4", "right": videos["right"]}
    with pytest.raises(InputError, match=r"damaged: only \d+ of 700 frames"):
        STAGE.run(context(tmp_path / "out", sources))


def test_a_range_outside_the_video(tmp_path: Path, videos: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"left\.mp4 has no frame from 90 s to the end") as caught:
        STAGE.run(context(tmp_path / "out", videos, start_s=90.0))
    assert "0.00 s to 27.96 s" in caught.value.message


def test_different_lengths_are_said(tmp_path: Path, videos: dict[str, Path]) -> None:
    short = record(tmp_path / "short.mkv", 100)
    metrics = STAGE.run(context(tmp_path / "out", {"short": short, "left": videos["left"]}))
    assert any("3.96 s are common" in warning for warning in metrics["warnings"])


def test_no_common_time_is_refused(tmp_path: Path) -> None:
    short = record(tmp_path / "short.mkv", 100)
    paused = record(tmp_path / "paused.mkv", 50, pts=[*range(25), *range(500, 525)])
    with pytest.raises(InputError, match="no time in common"):
        STAGE.run(context(tmp_path / "out", {"short": short, "paused": paused}, start_s=2.0))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_time_zero_is_the_first_picture(tmp_path: Path, suffix: str) -> None:
    """Sound before the pictures, sound with them, none at all, a clock of its own: one timeline."""
    sources = {
        "silent": record(tmp_path / f"silent{suffix}", 50, options={"bf": "2"}),
        "sound": record(tmp_path / f"sound{suffix}", 50, audio=True, options={"bf": "2"}),
        "early": record(tmp_path / f"early{suffix}", 50, audio=True, pts=range(10, 60)),
    }
    work = context(tmp_path / "out", sources, start_s=0.4, end_s=1.2)
    metrics = STAGE.run(work)["cameras"]
    timeline = Timeline.load(work.out / "timeline.npz")
    for name, time_s in zip(timeline.cameras, timeline.time_s, strict=True):
        assert numbers(work.out / name) == list(range(10, 30))
        np.testing.assert_allclose(time_s, np.arange(10, 30) / 25, atol=1e-9)
    assert metrics["silent"]["audio_start_s"] is None
    assert metrics["early"]["audio_start_s"] == pytest.approx(-0.4, abs=0.05)


def test_hostile_paths_and_folders(tmp_path: Path, videos: dict[str, Path]) -> None:
    folder = tmp_path / "-y %d 'x' \"é\"\n;rm"
    folder.mkdir()
    sources = {}
    for name, source in videos.items():
        sources[name] = folder / f"-{name}%d: |\n{source.suffix}"
        shutil.copy(source, sources[name])
    work = context(folder / "%d out", sources, end_s=1.0)
    STAGE.run(work)
    for name in sources:
        assert numbers(work.out / name) == list(range(25))


@pytest.mark.parametrize("name", ["..", "_parts", "a/b", "-x", "a\nb", ""])
def test_camera_names_that_are_no_folder_names(
    tmp_path: Path, videos: dict[str, Path], name: str
) -> None:
    sources = {name: videos["left"], "right": videos["right"]}
    with pytest.raises(InputError, match="cannot name a camera"):
        STAGE.run(context(tmp_path / "out", sources))


@pytest.mark.parametrize(
    "settings",
    [
        {"fps": 0.0},
        {"max_side_px": 0},
        {"jpeg_quality": 101},
        {"start_s": -1.0},
        {"start_s": 3.0, "end_s": 3.0},
        {"image_fps": -1.0},
        {"fps": float("nan")},
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{list(settings)[-1]}: found .*, needed "):
        replace(default_params(), **settings)


def test_the_fingerprint_follows_the_content(tmp_path: Path, videos: dict[str, Path]) -> None:
    session, params = FakeSession(videos), default_params()
    digests = STAGE.external(session, params)  # pyright: ignore
    assert list(digests) == ["left", "right"]
    moved = {n: Path(shutil.copy(p, tmp_path / f"moved_{p.name}")) for n, p in videos.items()}
    assert STAGE.external(FakeSession(moved), params) == digests  # pyright: ignore


def test_only_the_pictures_of_a_folder_count(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), draw(number))
    session = Session.create(tmp_path / "s", {"pictures": folder})
    params = default_params()
    before = STAGE.external(session, params)
    (folder / "Thumbs.db").write_bytes(b"cache")
    (folder / "notes").mkdir()
    (folder / "notes" / "1.png").write_bytes(b"not of the footage")
    assert STAGE.external(session, params) == before
    (folder / "1.png").rename(folder / "9.png")
    assert STAGE.external(session, params) != before
    (folder / "9.png").rename(folder / "1.png")
    assert STAGE.external(session, params) == before
    shutil.rmtree(folder)
    assert STAGE.external(session, params) == before  # results outlive their footage


def test_importing_the_stage_is_cheap() -> None:
    script = (
        "import sys, gentri.stages.frames\n"
        "assert not {'av', 'cv2', 'ffmpeg', 'torch', 'imageio_ffmpeg'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_process_is_left_after_an_interrupt(tmp_path: Path, videos: dict[str, Path]) -> None:
    psutil = pytest.importorskip("psutil")
    work = context(tmp_path / "out", videos)

    class Interrupting(Diary):
        def advance(self, done: int, total: int, unit: str) -> None:
            if done:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        STAGE.run(replace(work, progress=Interrupting()))
    time.sleep(0.1)
    assert not [c for c in psutil.Process().children(recursive=True) if "ffmpeg" in c.name()]


def test_a_camera_twice_is_refused(tmp_path: Path) -> None:
    """A copy under another name agrees with its original in everything."""
    paths = {name: tmp_path / f"{name}.mp4" for name in ("cam01", "cam02", "cam03")}
    for name, content in zip(paths, (b"one", b"two", b"one"), strict=True):
        paths[name].write_bytes(content)
    session: Any = FakeSession(paths)
    with pytest.raises(InputError, match=r"cam01 and cam03 are one and the same .*cam03\.mp4"):
        STAGE.check(session, default_params(), Runtime())
    paths["cam03"].write_bytes(b"three")
    STAGE.check(session, default_params(), Runtime())
    (tmp_path / "pose").mkdir()
    (tmp_path / "pose" / "cam01_000001_keypoints.json").write_text('{"people": []}')
    session = FakeSession(dict.fromkeys(paths, tmp_path / "pose"))  # one folder of all cameras
    STAGE.check(session, default_params(), Runtime())
