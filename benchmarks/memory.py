"""Whether memory grows with the length of the videos: the demo clip, and the same clip looped.

    python benchmarks/memory.py [--loops 10] [--until STAGE]

The memory of a run is the resident memory of its process and all that it starts (ffmpeg), together,
sampled twenty times a second. The peak is that of the whole run; the peaks of its stages show where
it comes from. A child that has not yet become another program still runs in gentri's own memory
and is not counted a second time; a line of its own says how often that was met.
"""

import argparse
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

import psutil
from balance import VIDEOS
from sessions import FINISHED, PROGRAM, environment, print_table, verdict

from gentri.media.ffmpeg import ffmpeg_executable
from gentri.stages import STAGES

RATIO_BAR = 1.2
SAMPLE_S = 0.05
_START = "start"  # before the first stage


@dataclass(frozen=True)
class Memory:
    """Peaks of one run, bytes.

    Attributes:
        stage: stage → peak of the process and its children together.
        own: peak of the process alone, as the kernel counts it.
        unborn: samples that met a child still in gentri's memory.
        seconds: wall time.
    """

    stage: dict[str, int]
    own: int
    unborn: int
    seconds: float

    @property
    def peak(self) -> int:
        """Of the whole run."""
        return max(self.stage.values())


class _Stages(Thread):
    """Follows the progress lines: each begins with the stage that is at work."""

    def __init__(self, lines: IO[str]) -> None:
        super().__init__(daemon=True)
        self.current = _START
        self._lines = lines
        self.start()

    def run(self) -> None:
        """Read until the process ends."""
        for line in self._lines:
            print(line, end="", flush=True)
            name = line.partition(":")[0]
            if name in (stage.name for stage in STAGES):
                self.current = name


def measure(videos: Sequence[Path], session: Path, until: str) -> Memory:
    """Run the videos in a new session and watch.

    Raises:
        SystemExit: gentri refused.
    """
    command = [*PROGRAM, "run", *map(str, videos), "--session", str(session), "--until", until]
    peaks: dict[str, int] = defaultdict(int)
    began = time.monotonic()
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        stages, watched = _Stages(process.stderr), psutil.Process(process.pid)
        own = unborn = 0
        while process.poll() is None:
            # Linux keeps the true peak; elsewhere the samples must do.
            alone = _resident(watched)
            own = max(own, _kernel_peak(process.pid) or alone)
            children = _children(watched)
            started = [child for child in children if not _shares_memory(child, watched)]
            unborn += len(children) - len(started)
            total = alone + sum(map(_resident, started))
            peaks[stages.current] = max(peaks[stages.current], total)
            time.sleep(SAMPLE_S)
        stages.join()
    if process.returncode not in FINISHED:
        raise SystemExit(f"gentri ended with {process.returncode}")
    return Memory(dict(peaks), own, unborn, time.monotonic() - began)


def _resident(process: psutil.Process) -> int:
    """Its memory now, 0 when it has ended."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []  # ended meanwhile


def _shares_memory(child: psutil.Process, parent: psutil.Process) -> bool:
    """Whether a child is between vfork and exec: the parent's program, in the parent's pages."""
    try:
        return child.cmdline() == parent.cmdline()
    except psutil.Error:
        return False  # ended meanwhile


def _kernel_peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024 if lines else 0


def looped(video: Path, loops: int, folder: Path) -> Path:
    """The video so many times over, its stream copied."""
    target = folder / video.name
    command = [ffmpeg_executable(), "-loglevel", "error", "-stream_loop", str(loops - 1)]
    subprocess.run([*command, "-i", video, "-map", "0:v", "-c", "copy", target], check=True)
    return target


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loops", type=int, default=10, help="length; default %(default)s")
    parser.add_argument("--until", default=STAGES[-1].name, help="last stage; default %(default)s")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "looped").mkdir()
        long_videos = [looped(video, wish.loops, folder / "looped") for video in VIDEOS]
        short = measure(VIDEOS, folder / "short", wish.until)
        long = measure(long_videos, folder / "long", wish.until)
    print_table(_rows(short, long, wish.loops))


def _rows(short: Memory, long: Memory, loops: int) -> list[tuple[str, ...]]:
    rows = [("peak memory, MB", "clip", f"{loops} × clip", "ratio", "bar", "")]
    for name in long.stage:
        rows.append((name, *_figures(short.stage.get(name, 0), long.stage[name]), "", ""))
    ratio = long.peak / short.peak
    bar = f"≤ {RATIO_BAR:g}"
    rows.append(("the whole run", *_figures(short.peak, long.peak), bar, verdict(ratio, RATIO_BAR)))
    rows.append(("gentri alone, by the kernel", *_figures(short.own, long.own), "", ""))
    rows.append(
        ("children not yet another program", str(short.unborn), str(long.unborn), "", "", "")
    )
    rows.append(("seconds", f"{short.seconds:.0f}", f"{long.seconds:.0f}", "", "", ""))
    return rows


def _figures(short: int, long: int) -> tuple[str, str, str]:
    return f"{short / 1e6:.0f}", f"{long / 1e6:.0f}", f"{long / short:.2f}" if short else ""


if __name__ == "__main__":
    main()
