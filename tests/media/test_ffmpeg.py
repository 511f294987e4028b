import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gentri.errors import SessionError
from gentri.media import encode
from gentri.media.ffmpeg import (
    FfmpegFailedError,
    ffmpeg_executable,
    has_option,
    running_ffmpeg,
)

CAN_ALL = {
    "encoders": " V....D libx264 H.264\n VFS..D mjpeg Motion JPEG",
    "options": "-max_error_rate <x>",
}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts stand in for programs")


def install(folder: Path, encoders: str, options: str, before: str = "") -> str:
    """A program `ffmpeg` that lists these abilities and counts how often it is asked."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(
        f'#!/bin/sh\necho asked >> "{folder}/log"\n{before}\n'
        f'case "$*" in\n*-encoders*) echo "{encoders}";;\n*"-h long"*) echo "{options}";;\nesac\n'
    )
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for programs first."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return tmp_path / "bin"


def test_the_systems_ffmpeg_is_taken_and_asked_once(path: Path) -> None:
    program = install(path, **CAN_ALL)
    assert [ffmpeg_executable() for _ in range(3)] == [program] * 3
    assert (path / "log").read_text() == "asked\n" * 2


@pytest.mark.parametrize(
    "abilities",
    [
        {"encoders": " V....D libopenh264 H.264\n VFS..D mjpeg Motion JPEG"},
        {"encoders": " V....D libx264 H.264"},
        {"options": "-vsync parameter"},
        {"before": "exit 127"},
    ],
    ids=["no x264", "no mjpeg", "too old", "does not run"],
)
def test_a_systems_ffmpeg_that_lacks_something_is_passed_over(
    path: Path, abilities: dict[str, str]
) -> None:
    program = install(path, **(CAN_ALL | abilities))
    found = ffmpeg_executable()
    assert found != program
    assert has_option(found, "-max_error_rate")


def test_no_ffmpeg_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio_ffmpeg

    from gentri.media.ffmpeg import _bundled

    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    install(path, **(CAN_ALL | {"encoders": ""}))
    _bundled.cache_clear()
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", none)
    with pytest.raises(SessionError, match="no ffmpeg was found that has libx264"):
        ffmpeg_executable()


def test_options_are_whole_words(path: Path) -> None:
    program = install(path, "", "-fps_mode[:<stream_spec>] set\n-vsync_method set")
    assert has_option(program, "-fps_mode")
    assert not has_option(program, "-vsync")


def test_what_ffmpeg_said_last_is_kept() -> None:
    with (
        pytest.raises(FfmpegFailedError) as caught,
        running_ffmpeg(["sh", "-c", "echo first >&2; echo last >&2; exit 3"]) as process,
    ):
        process.wait()
    assert (caught.value.code, caught.value.last_line) == (3, "last")
    with pytest.raises(FfmpegFailedError) as caught, running_ffmpeg(["false"]) as process:
        process.wait()
    assert caught.value.last_line == "exit code 1"


def test_a_block_that_is_left_early_ends_ffmpeg() -> None:
    with pytest.raises(KeyboardInterrupt), running_ffmpeg(["sleep", "60"]) as process:
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGKILL


_ENCODE = """
import os, signal, time
from pathlib import Path
import numpy as np
from gentri.media.encode import write_mp4

def images():
    yield np.zeros((48, 80, 3), np.uint8)
    time.sleep(0.5)
    os.killpg(0, signal.SIGINT)  # what a terminal does at Ctrl-C
    for _ in range(500):
        yield np.zeros((48, 80, 3), np.uint8)
        time.sleep(0.01)

write_mp4(Path({path!r}), images(), (80, 48), 25.0)
"""


def test_ctrl_c_is_an_interrupt_and_no_failure_of_ffmpeg(tmp_path: Path) -> None:
    script = _ENCODE.format(path=str(tmp_path / "a.mp4"))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, start_new_session=True
    )
    assert done.stderr.strip().endswith("KeyboardInterrupt")
    assert "SessionError" not in done.stderr


def test_no_deadlock_when_ffmpeg_talks_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' 'x' >&2\ncat > /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setattr(encode, "ffmpeg_executable", lambda: str(program))
    images = [np.zeros((480, 640, 3), np.uint8)] * 20
    encode.write_mp4(tmp_path / "a.mp4", images, (640, 480), 25.0)
