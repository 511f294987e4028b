"""Runs what is not fresh, and gives a result its final name only when it is whole."""

import os
import shutil
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from gentri.pipeline.atomic import sync_folder
from gentri.pipeline.guards import explain_disk_errors, terminate_as_interrupt
from gentri.pipeline.plan import (
    Plan,
    State,
    check_ahead,
    check_forced,
    plan,
    plan_stage,
    stages_until,
)
from gentri.pipeline.receipt import Receipt, contents_digest, library_versions, list_outputs, plain
from gentri.pipeline.session import Session
from gentri.pipeline.stage import (
    PARTS_FOLDER,
    RECEIPT_FILE,
    Context,
    Metrics,
    Progress,
    Runtime,
    Stage,
)

# A result that makes way for its successor, inside the stage's folder of work folders.
_PREVIOUS = "previous"

Action = Literal["kept", "ran", "published"]


@dataclass(frozen=True)
class Outcome:
    """What became of a stage.

    Attributes:
        stage: its name.
        action: "kept" what was fresh, "ran", or "published" what an earlier run had finished.
        metrics: of the result that is now in place.
        seconds: how long this call spent on it.
    """

    stage: str
    action: Action
    metrics: Metrics
    seconds: float


class Reporter(Progress, Protocol):
    """How a run tells how far it is."""

    def stage_started(self, plan: Plan) -> None:
        """A stage that is not kept begins."""

    def stage_finished(self, outcome: Outcome) -> None:
        """A result is in place."""


class Silent:
    """A reporter that says nothing."""

    def stage_started(self, plan: Plan) -> None:
        """Say nothing."""

    def stage_finished(self, outcome: Outcome) -> None:
        """Say nothing."""

    def advance(self, done: int, total: int, unit: str) -> None:
        """Say nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""


def run(
    stages: Sequence[Stage],
    session: Session,
    params: Mapping[str, Any],
    runtime: Runtime,
    reporter: Reporter,
    *,
    force: Collection[str] = (),
    until: str | None = None,
) -> tuple[Outcome, ...]:
    """Bring every stage up to date, in order.

    A stage that fails or is killed leaves its previous result in place and its finished chunks in
    the session; the next run takes them up. Files are checked by size: a full check is `plan` with
    `verify`.

    Args:
        stages: each after those that it needs.
        session: locked for the whole run.
        params: stage name → its settings.
        runtime: device, batch size, workers.
        reporter: told of every step.
        force: stages to do again from the start, although they are fresh; what an interruption
            left of a stage that was forced is taken up.
        until: the last stage to bring up to date.

    Raises:
        SessionError: another process works here, the disk is full or not writable.
        UsageError: `force` or `until` names no stage of the run.
        GentriError: what a stage refuses ahead (`Stage.check`), or while it runs.
        KeyboardInterrupt: Ctrl-C or SIGTERM; finished chunks are kept.
    """
    chosen = stages_until(stages, until)
    check_forced(chosen, force)
    plans: dict[str, Plan] = {}
    outcomes: list[Outcome] = []
    with session.lock(), terminate_as_interrupt(), explain_disk_errors(session.root):
        for stage in chosen:
            _restore_previous(session, stage.name)
        for stage in chosen:
            forced, started = stage.name in force, time.monotonic()
            found = plan_stage(stage, session, params[stage.name], plans, forced=forced)
            if not found.is_kept and all(o.action == "kept" for o in outcomes):
                check_ahead(plan(chosen, session, params, force=force), session, runtime)
            action, receipt = _bring_up(found, session, runtime, reporter)
            seconds = 0.0 if action == "kept" else time.monotonic() - started
            outcomes.append(Outcome(stage.name, action, receipt.metrics, seconds))
            plans[stage.name] = replace(found, receipt=receipt, state=State.FRESH, reasons=())
            reporter.stage_finished(outcomes[-1])
    return tuple(outcomes)


def clean(session: Session, stages: Sequence[Stage], *, published: bool = False) -> int:
    """Remove unfinished work, with its chunks. Sources and session.toml stay.

    Args:
        session: locked meanwhile.
        stages: whose work; that of stages which are no longer known goes with it.
        published: remove the results of these stages too.

    Returns:
        The bytes freed.
    """
    with session.lock(), explain_disk_errors(session.root):
        for stage in stages:
            _restore_previous(session, stage.name)
            if published and (session.root / stage.name).exists():
                session.work.mkdir(parents=True, exist_ok=True)
                os.rename(session.root / stage.name, session.work / uuid.uuid4().hex)
        return _remove(session.work)


def _bring_up(
    found: Plan, session: Session, runtime: Runtime, reporter: Reporter
) -> tuple[Action, Receipt]:
    """Keep, publish or run one stage. Returns what was done and the receipt, without outputs."""
    if found.is_kept and found.receipt:
        return "kept", found.receipt
    reporter.stage_started(found)
    finished = found.state is State.COMPLETE_UNPUBLISHED
    work = found.work_folder(session)
    receipt = Receipt.load(work) if finished else _work(found, session, runtime, reporter)
    _publish(session, found.stage.name, work)
    return "published" if finished else "ran", replace(receipt, outputs=())


def _work(found: Plan, session: Session, runtime: Runtime, reporter: Reporter) -> Receipt:
    """Run a stage in its work folder; the receipt goes down last."""
    work = found.work_folder(session)
    _make_room(work)
    inputs = {name: session.root / name for name in found.stage.needs}
    context = Context(found.params, work, inputs, session, runtime, reporter)
    started, clock = datetime.now().astimezone(), time.monotonic()
    metrics = found.stage.run(context)
    seconds, outputs = time.monotonic() - clock, list_outputs(work)
    receipt = Receipt(
        fingerprint=found.fingerprint,
        recipe=found.recipe,
        inputs=found.inputs,
        contents=contents_digest(outputs),
        metrics=plain(metrics),
        seconds=round(seconds, 3),
        started=started.isoformat(timespec="seconds"),
        runtime=asdict(runtime),
        versions=library_versions(),
        outputs=outputs,
    )
    receipt.save(work)
    return receipt


def _make_room(work: Path) -> None:
    """Make the work folder, or clear what a kill left half-written in it.

    Of the stage's other work folders the latest stays: going back to the settings of before takes
    up its chunks. Older ones would fill the disk for a use that seldom comes.
    """
    if (work / RECEIPT_FILE).exists():
        # It was complete and has lost files, which may have been moved out of chunks: none serves.
        broken = work.with_name(uuid.uuid4().hex)
        os.rename(work, broken)
        shutil.rmtree(broken)
    (work / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)
    for half_written in list(work.rglob(".*.tmp")):
        if half_written.is_dir():
            # A program that a killed run had started may still be writing; it ends soon, and what
            # it leaves goes with the chunks.
            shutil.rmtree(half_written, ignore_errors=True)
        else:
            half_written.unlink(missing_ok=True)  # it may have gone with its folder
    os.utime(work)
    others = [p for p in work.parent.iterdir() if p.is_dir() and p != work]
    for older in sorted(others, key=lambda p: p.stat().st_mtime_ns)[:-1]:
        shutil.rmtree(older)


def _publish(session: Session, name: str, work: Path) -> None:
    """Give a finished work folder the stage's name. Only now are its chunks of no more use."""
    _remove(work / PARTS_FOLDER)
    final, previous = session.root / name, _previous(session, name)
    if final.exists():
        os.rename(final, previous)
    os.rename(work, final)
    sync_folder(session.root)
    _remove(previous)


def _restore_previous(session: Session, name: str) -> None:
    """Undo a publication that was killed between its two renames, or finish its tidying."""
    final, previous = session.root / name, _previous(session, name)
    if previous.exists() and not final.exists():
        os.rename(previous, final)
    _remove(previous)


def _previous(session: Session, name: str) -> Path:
    return session.work / name / _PREVIOUS


def _remove(folder: Path) -> int:
    """Delete a folder if it is there. Returns its bytes."""
    if not folder.exists():
        return 0
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    shutil.rmtree(folder)
    return size
