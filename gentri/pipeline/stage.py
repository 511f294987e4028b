"""The contract between the machine and its stages."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gentri.pipeline.session import Session

# JSON values only. The key "poor" (list of reasons) marks a result that is finished but not to be
# trusted; the command line then exits with ExitCode.POOR.
Metrics = dict[str, Any]

# Written last into a stage's folder: what it was made from and what it holds.
RECEIPT_FILE = "stage.json"

# Inside a stage's work folder: what is kept of an unfinished run, and never published.
PARTS_FOLDER = "_parts"


class Progress(Protocol):
    """How a stage tells how far it is."""

    def advance(self, done: int, total: int, unit: str) -> None:
        """`done` of `total` units are finished (chunks kept from an earlier run count as done)."""

    def say(self, text: str) -> None:
        """A line for the person: what was found, chosen, or is about to be written."""


def require(params: Any, name: str, fits: bool, needed: str) -> None:
    """Refuse a value out of range, in a stage's `params.__post_init__`.

    Raises:
        ValueError: it does not fit: the parameter, the value found, and what is needed.
    """
    if not fits:
        raise ValueError(f"{name}: found {getattr(params, name)}, needed {needed}")


@dataclass(frozen=True)
class Runtime:
    """What changes the speed and not the numbers: outside the fingerprint, inside the receipt.

    Attributes:
        device: "auto", "cpu", "cuda", "mps".
        batch_size: images per network call; 0 lets the stage choose.
        workers: helper threads; 0 lets the stage choose.
    """

    device: str = "auto"
    batch_size: int = 0
    workers: int = 0

    @property
    def threads(self) -> int:
        """Helper threads: `workers`, else one for each core that this process may use."""
        if self.workers:
            return self.workers
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


@dataclass(frozen=True)
class Context:
    """All that a stage gets.

    Attributes:
        params: the stage's own frozen params.
        out: work folder; everything written here except `parts` is published.
        inputs: stage name → published folder, for the stages in `needs`.
        session: names and paths of the session's sources.
        runtime: device, batch size, workers.
        progress: where to report.
    """

    params: Any
    out: Path
    inputs: Mapping[str, Path]
    session: "Session"
    runtime: Runtime
    progress: Progress

    @property
    def parts(self) -> Path:
        """Folder for finished chunks: kept when the run is killed, dropped when it is published."""
        return self.out / PARTS_FOLDER


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes:
        name: folder, settings table and command: the same word.
        version: bumped when equal inputs would now give other numbers.
        needs: stages whose folders it reads.
        params: frozen dataclass without defaults: all that changes the numbers, nothing else. Its
            `__post_init__` refuses values out of range with `require`.
        run: writes under `context.out` and returns metrics.
        external: digests of files outside the session folder (videos, weights, a given rig).
        check: refuses before the first stage runs what can be refused without results: names and
            files that `run` would otherwise stumble over hours later. Not called for what is fresh.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    params: type
    run: Callable[[Context], Metrics]
    external: Callable[["Session", Any], dict[str, str]] = lambda _session, _params: {}
    check: Callable[["Session", Any, Runtime], None] = lambda _session, _params, _runtime: None
