"""What would run, and why, without running anything."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from gentri.errors import UsageError
from gentri.pipeline.digests import digest_of
from gentri.pipeline.fingerprint import Recipe, changes, fingerprint_of, recipe_of
from gentri.pipeline.receipt import Receipt, damages
from gentri.pipeline.session import Session
from gentri.pipeline.stage import PARTS_FOLDER, Runtime, Stage

# Sixteen hexadecimal digits, 64 bits: no two keys of a session meet, and paths stay short.
_KEY_DIGITS = 16


class State(str, Enum):
    """How the result of a stage stands."""

    FRESH = "fresh"  # whole, and made from what is asked for now
    MISSING = "missing"  # never finished
    STALE = "stale"  # made from something else
    DAMAGED = "damaged"  # files are gone or differ from the receipt
    PARTIAL = "partial"  # begun: finished chunks are kept
    COMPLETE_UNPUBLISHED = "complete-unpublished"  # finished, stopped before it got its final name

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Plan:
    """A stage as it stands.

    Attributes:
        stage: the stage.
        params: its settings.
        recipe: all that decides its numbers.
        fingerprint: digest of the recipe.
        inputs: stage it needs → digest of that one's outputs, "" while it has none.
        forced: to be done again although it may be fresh.
        receipt: of the result in place, whatever it is made from, without its list of outputs,
            which may be long; None while there is none.
        state: what is there.
        reasons: for a person: why it would run, or what a fresh result depends on.
    """

    stage: Stage
    params: Any
    recipe: Recipe
    fingerprint: str
    inputs: dict[str, str]
    forced: bool
    receipt: Receipt | None
    state: State
    reasons: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether a run leaves the result as it is."""
        return self.state is State.FRESH and not self.forced

    def work_folder(self, session: Session) -> Path:
        """Where the stage works until it is published: its own for each recipe and input.

        What is forced takes up nothing but what an interruption left of the same.
        """
        key = digest_of([self.fingerprint, self.inputs])[:_KEY_DIGITS]
        return session.work / self.stage.name / (f"{key}-forced" if self.forced else key)


def plan(
    stages: Sequence[Stage],
    session: Session,
    params: Mapping[str, Any],
    *,
    force: Collection[str] = (),
    verify: bool = False,
) -> tuple[Plan, ...]:
    """The state of every stage, in their order. Writes no result.

    Args:
        stages: each after those that it needs.
        session: where the results are.
        params: stage name → its settings.
        force: stages to do again from the start, although they are fresh.
        verify: read every published file again; otherwise sizes are compared.

    Raises:
        UsageError: `force` names none of the stages.
    """
    check_forced(stages, force)
    plans: dict[str, Plan] = {}
    for stage in stages:
        plans[stage.name] = plan_stage(
            stage, session, params[stage.name], plans, forced=stage.name in force, verify=verify
        )
    return tuple(plans.values())


def plan_stage(
    stage: Stage,
    session: Session,
    params: Any,
    upstream: Mapping[str, Plan],
    *,
    forced: bool = False,
    verify: bool = False,
) -> Plan:
    """The state of one stage, given those of the stages that it needs."""
    recipe = recipe_of(stage, params, session, {n: upstream[n].fingerprint for n in stage.needs})
    fingerprint = fingerprint_of(recipe)
    inputs = {n: r.contents if (r := upstream[n].receipt) else "" for n in stage.needs}
    wanted = Plan(stage, params, recipe, fingerprint, inputs, forced, None, State.MISSING, ())
    found = _published(wanted, session, upstream, verify)
    return found if found.is_kept else _unfinished(found, session)


def check_ahead(plans: Iterable[Plan], session: Session, runtime: Runtime) -> None:
    """Let every stage that would run refuse what it can, before the first one does.

    Raises:
        GentriError: as the stages' own `check`.
    """
    for found in plans:
        if not found.is_kept and found.state is not State.COMPLETE_UNPUBLISHED:
            found.stage.check(session, found.params, runtime)


def check_forced(stages: Sequence[Stage], force: Collection[str]) -> None:
    """Refuse to force what does not run.

    Raises:
        UsageError: a name is none of the stages'.
    """
    names = [stage.name for stage in stages]
    for name in force:
        if name not in names:
            raise UsageError.unknown("stage to force", name, names)


def stages_until(stages: Sequence[Stage], name: str | None) -> tuple[Stage, ...]:
    """The stages up to and with the named one; all of them without a name.

    Raises:
        UsageError: no stage has that name.
    """
    names = [stage.name for stage in stages]
    if name is None:
        return tuple(stages)
    if name not in names:
        raise UsageError.unknown("stage", name, names)
    return tuple(stages[: names.index(name) + 1])


def _published(wanted: Plan, session: Session, upstream: Mapping[str, Plan], verify: bool) -> Plan:
    """The plan with what lies in the published folder taken into account."""
    folder = session.root / wanted.stage.name
    if not folder.exists():
        return wanted
    try:
        receipt = Receipt.load(folder)
    except (OSError, ValueError):
        reasons = ("stage.json: missing or unreadable",)
        return replace(wanted, state=State.DAMAGED, reasons=reasons)
    if receipt.fingerprint != wanted.fingerprint:
        said = {name: _because(upstream[name]) for name in wanted.stage.needs}
        state, reasons = State.STALE, changes(receipt.recipe, wanted.recipe, said)
    elif broken := damages(folder, receipt.outputs, verify):
        state, reasons = State.DAMAGED, broken
    else:
        state, reasons = _upstream_state(wanted, receipt, upstream)
    return replace(wanted, receipt=replace(receipt, outputs=()), state=state, reasons=reasons)


def _upstream_state(
    wanted: Plan, receipt: Receipt, upstream: Mapping[str, Plan]
) -> tuple[State, tuple[str, ...]]:
    """The state of a whole result: made from what its stage would read now, or not."""
    unready = [n for n in wanted.stage.needs if upstream[n].state is not State.FRESH]
    remade = [
        f"needs.{name}: made again, with other content"
        for name in wanted.stage.needs
        if name not in unready and receipt.inputs.get(name) != wanted.inputs[name]
    ]
    if remade:
        return State.STALE, tuple(remade)
    return State.FRESH, tuple(f"needs.{n}: {upstream[n].state}" for n in unready)


def _unfinished(found: Plan, session: Session) -> Plan:
    """The plan with what lies in the work folder taken into account."""
    folder = found.work_folder(session)
    if not folder.exists():
        return found
    try:
        receipt = Receipt.load(folder)
    except (OSError, ValueError):
        chunks = sum(len(files) for _, _, files in os.walk(folder / PARTS_FOLDER))
        reasons = (*found.reasons, f"finished chunks kept: {chunks}")
        return replace(found, state=State.PARTIAL, reasons=reasons)
    if damages(folder, receipt.outputs, verify=False):
        return found
    return replace(found, state=State.COMPLETE_UNPUBLISHED)


def _because(upstream: Plan) -> str:
    if upstream.state is State.FRESH:
        return "made again since"
    return f"{upstream.state}" + (f" ({upstream.reasons[0]})" if upstream.reasons else "")
