import io
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from rich.console import Console

from gentri.cli import progress
from gentri.cli.progress import BarReporter, LineReporter, clock


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def detect_plan() -> SimpleNamespace:
    stage = SimpleNamespace(name="detect")
    return SimpleNamespace(stage=stage, state="missing", forced=False, reasons=())


def test_lines_are_seldom_and_tell_rate_and_rest(
    time: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = LineReporter()
    reporter.stage_started(detect_plan())
    for done in range(40, 401):  # 40 were kept from an earlier run; 8 per second since
        reporter.advance(done, 400, "frames")
        time.now += 0.125
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "detect: missing"
    assert lines[1] == "detect: 80/400 frames, 8.0 frames/s, 0:40 left"
    assert lines[-1] == "detect: 400/400 frames, 8.0 frames/s"
    assert len(lines) == 1 + 45 // 5


def test_bars_print_names_literally(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    with progress._bars() as bars:
        reporter = BarReporter("", bars)
        reporter.stage_started(detect_plan())
        reporter.advance(1, 9, "frames")
        reporter.advance(5, 9, "frames")
        bars.refresh()
        reporter.say("[red] :smile: a.mp4")
        reporter.stage_finished(SimpleNamespace(stage="detect", action="ran", seconds=2.0))
    shown = screen.getvalue()
    assert "5/9 frames" in shown
    assert "detect: [red] :smile: a.mp4" in shown
    assert "detect: done in 2.0 s" in shown


@pytest.mark.parametrize(("seconds", "text"), [(3, "0:03"), (75.2, "1:15"), (3605, "1:00:05")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
