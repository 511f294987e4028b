"""Which ffmpeg is used, and how it is run."""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from gentri.errors import SessionError

# What not every build has: distributions leave out x264 for its licence, and this option, the
# youngest in use, came with ffmpeg 4.3.
_ENCODERS = {"libx264", "mjpeg"}
_OPTION = "-max_error_rate"
_ANSWER_S = 20.0  # far more than a healthy program takes to list what it can do


class FfmpegFailedError(Exception):
    """Ffmpeg ended with an error.

    Attributes:
        code: exit code; negative is a signal.
        words: all that it said.
    """

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words.strip()

    @property
    def last_line(self) -> str:
        """What ffmpeg said last, else its exit code."""
        return self.words.splitlines()[-1] if self.words else f"exit code {self.code}"


def ffmpeg_executable() -> str:
    """Path of the system's ffmpeg if it can do all that is needed, else imageio-ffmpeg's.

    Raises:
        SessionError: there is neither.
    """
    system = shutil.which("ffmpeg")
    if system and _serves(system):
        return system
    return _bundled()


@functools.cache
def has_option(executable: str, option: str) -> bool:
    """Whether an ffmpeg knows an option such as `-fps_mode`."""
    return any(
        word.partition("[")[0].partition(":")[0] == option
        for word in _ask(executable, "-h", "long").split()
    )


@contextmanager
def running_ffmpeg(
    command: list[str], folder: Path | None = None, stdin: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ffmpeg beside the block, which waits for its end; killed when the block is left early.

    Args:
        command: with the executable.
        folder: its working folder.
        stdin: as of `subprocess.Popen`.

    Raises:
        FfmpegFailedError: it ended with an error.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for gentri, which then ends ffmpeg
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdin is not None:
                with suppress(BrokenPipeError):  # what was not read before the end
                    process.stdin.close()
        if process.returncode != 0:
            log.seek(0)
            raise FfmpegFailedError(process.returncode, log.read().decode(errors="replace"))


@functools.cache
def _serves(executable: str) -> bool:
    encoders = set(_ask(executable, "-encoders").split())
    return encoders >= _ENCODERS and has_option(executable, _OPTION)


@functools.cache
def _bundled() -> str:
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise SessionError(
            "no ffmpeg was found that has libx264 and is of version 4.3 or later",
            "install ffmpeg with libx264, so that it is found on PATH",
        ) from error


def _ask(executable: str, *question: str) -> str:
    """What a program answers; nothing where it does not run or never ends."""
    try:
        asked = [executable, "-hide_banner", *question]
        answer = subprocess.run(
            asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.decode(errors="replace")
