"""How far a run is, on stderr: bars on a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gentri.cli.failures import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from gentri.pipeline.plan import Plan
    from gentri.pipeline.runner import Outcome

# Often enough to see that it lives, seldom enough for a log file.
SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def open_reporter(label: str = "") -> Iterator["LineReporter"]:
    """The reporter that suits stderr; until a stage starts, its lines carry the label."""
    if not sys.stderr.isatty():
        yield LineReporter(label)
        return
    with _bars() as bars:
        yield BarReporter(label, bars)


class LineReporter:
    """Plain lines, at most one in a while."""

    def __init__(self, label: str = "") -> None:
        self._label = label
        self._begin("", 0)

    def stage_started(self, plan: "Plan") -> None:
        """Say why the stage runs."""
        self._label = plan.stage.name
        self._begin("", 0)
        because = f" ({plan.reasons[0]})" if plan.reasons else ""
        self.say(f"{'forced' if plan.forced else plan.state}{because}")

    def stage_finished(self, outcome: "Outcome") -> None:
        """Say that a result is in place."""
        self._label = outcome.stage
        spent = "" if outcome.action == "kept" else f" in {outcome.seconds:.1f} s"
        self.say(f"{_ACTIONS[outcome.action]}{spent}")

    def advance(self, done: int, total: int, unit: str) -> None:
        """Say how far, how fast and how long still, now and then."""
        now = time.monotonic()
        if (unit, total) != self._counted:
            self._begin(unit, total, done)
        elif done == total or now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            rate = (done - self._first) / max(now - self._began, 1e-9)
            left = f", {clock((total - done) / rate)} left" if rate > 0 and done < total else ""
            self.say(f"{done}/{total} {unit}, {rate:.1f} {unit}/s{left}")

    def say(self, text: str) -> None:
        """Print a line."""
        print(self._line(text), file=sys.stderr, flush=True)

    def _line(self, text: str) -> str:
        return printable(f"{self._label}: {text}")

    def _begin(self, unit: str, total: int, done: int = 0) -> None:
        """Start to count; chunks kept from an earlier run have no rate."""
        self._counted, self._first = (unit, total), done
        self._began = self._said = time.monotonic()


class BarReporter(LineReporter):
    """A bar for what is being counted, with its lines above it."""

    def __init__(self, label: str, bars: "Bars") -> None:
        super().__init__(label)
        self._bars = bars

    def advance(self, done: int, total: int, unit: str) -> None:
        """Move the bar."""
        if (unit, total) != self._counted:
            self._clear()
            self._begin(unit, total, done)
            self._bars.add_task(self._label, total=total, completed=done, unit=unit)
        else:
            self._bars.update(self._bars.task_ids[-1], completed=done)

    def stage_finished(self, outcome: "Outcome") -> None:
        """Replace the bar by a line."""
        self._clear()
        super().stage_finished(outcome)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._bars.console.out(self._line(text), highlight=False)

    def _clear(self) -> None:
        for task in self._bars.task_ids:
            self._bars.remove_task(task)


_ACTIONS = {"kept": "fresh", "ran": "done", "published": "taken up from an interrupted run"}


def clock(seconds: float) -> str:
    """Minutes and seconds, hours when needed."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bars() -> "Bars":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = task.finished_speed or task.speed
            return Text(f"{rate:.1f} {task.fields['unit']}/s" if rate else "")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}", markup=False),
        RateColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
