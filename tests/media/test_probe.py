import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from numbered import record

from gentri.errors import InputError
from gentri.media.ffmpeg import ffmpeg_executable
from gentri.media.probe import probe_video


def test_tells_what_the_container_knows(tmp_path: Path) -> None:
    clip = probe_video(record(tmp_path / "a.mp4", 50, audio=True, fps=50))
    assert (clip.codec, clip.size_px, clip.stamped) == ("h264", (80, 48), True)
    assert clip.audio_start_s == pytest.approx(0, abs=0.05)
    assert clip.fps == pytest.approx(50)
    assert len(clip.pts) == 50
    np.testing.assert_allclose(clip.time_s, np.arange(50) / 50, atol=1e-9)
    assert clip.promised_s == pytest.approx(1.0, abs=0.05)
    assert clip.found_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    "text", ["hello\n", "1\n00:00:01,000 --> 00:00:02,000\nhello\n", "#EXTM3U\n"]
)
@pytest.mark.parametrize("suffix", [".mp4", ".txt", ".srt", ".m3u8"])
def test_a_text_is_not_a_video(tmp_path: Path, text: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(text * 50)
    with pytest.raises(InputError, match=r"a\.\w+ (is not a video|has no pictures)"):
        probe_video(path)


def test_a_picture_is_not_a_video(tmp_path: Path) -> None:
    video = record(tmp_path / "a.mp4", 1)
    command = [ffmpeg_executable(), "-loglevel", "error", "-i", video, tmp_path / "a.png"]
    subprocess.run(command, check=True)
    with pytest.raises(InputError, match="not a video"):
        probe_video(tmp_path / "a.png")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(InputError, match=r"empty \(0 bytes\)"):
        probe_video(tmp_path / "a.mp4")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read: No such file"):
        probe_video(tmp_path / "a.mp4")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = record(tmp_path / "a.mp4", 5)

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        probe_video(path)


def test_sound_alone(tmp_path: Path) -> None:
    video = record(tmp_path / "a.mp4", 25, audio=True)
    command = [ffmpeg_executable(), "-loglevel", "error", "-i", video, "-vn", tmp_path / "b.m4a"]
    subprocess.run(command, check=True)
    with pytest.raises(InputError, match=r"has no pictures: its streams are audio"):
        probe_video(tmp_path / "b.m4a")


def test_an_mp4_without_its_index(tmp_path: Path) -> None:
    data = record(tmp_path / "a.mp4", 200).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="without its index") as caught:
        probe_video(tmp_path / "cut.mp4")
    assert "untrunc" in caught.value.hint


def test_a_cut_file_tells_what_was_promised_and_what_is_there(tmp_path: Path) -> None:
    for name, options in (("a.mp4", {"movflags": "faststart"}), ("a.mkv", {})):
        data = record(tmp_path / name, 500, container_options=options).read_bytes()
        (tmp_path / f"cut_{name}").write_bytes(data[: int(len(data) * 0.7)])
        clip = probe_video(tmp_path / f"cut_{name}")
        assert clip.promised_s == pytest.approx(20.0, abs=0.1)
        assert 9 < clip.found_s < 17


def test_zero_frames(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(InputError, match=r"holds no frame that can be decoded|is not a video"):
        probe_video(tmp_path / "a.mkv")


@pytest.mark.parametrize(
    "name", ["-i a.mp4", "a b.mp4", "à%d%%.mp4", 'quote\'s "a".mp4', "new\nline.mp4", "c:d|e.mp4"]
)
def test_hostile_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path / "plain.mp4", 10).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(probe_video(Path(name)).pts) == 10
