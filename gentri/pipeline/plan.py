"""What would run, and why, without running anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from gentri.errors import UsageError
from gentri.pipeline.digests import digest_of
from gentri.pipeline.fingerprint import Recipe, changes, fingerprint_of, recipe_of
from gentri.pipeline.receipt import Receipt, damages
from gentri.pipeline.session import Session
from gentri.pipeline.stage import PARTS_FOLDER, Stage

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
        state: what is there.
        reasons: for a person: why it would run, or what a fresh result depends on.
    """

    stage: Stage
    params: Any
    recipe: Recipe
    fingerprint: str
    inputs: dict[str, str]
    state: State
    reasons: tuple[str, ...]

    def work_folder(self, session: Session) -> Path:
        """Where the stage works until it is published: its own for each recipe and input."""
        key = digest_of([self.fingerprint, self.inputs])[:_KEY_DIGITS]
        return session.work / self.stage.name / key


def plan(
    stages: Sequence[Stage], session: Session, params: Mapping[str, Any], *, verify: bool = False
) -> tuple[Plan, ...]:
    """The state of every stage, in their order. Writes no result.

    Args:
        stages: each after those that it needs.
        session: where the results are.
        params: stage name → its settings.
        verify: read every published file again; otherwise sizes are compared.
    """
    plans: dict[str, Plan] = {}
    for stage in stages:
        plans[stage.name] = plan_stage(stage, session, params[stage.name], plans, verify=verify)
    return tuple(plans.values())


def plan_stage(
    stage: Stage,
    session: Session,
    params: Any,
    upstream: Mapping[str, Plan],
    *,
    verify: bool = False,
) -> Plan:
    """The state of one stage, given those of the stages that it needs."""
    recipe = recipe_of(stage, params, session, {n: upstream[n].fingerprint for n in stage.needs})
    fingerprint = fingerprint_of(recipe)
    inputs = {name: _contents(session.root / name) for name in stage.needs}
    wanted = Plan(stage, params, recipe, fingerprint, inputs, State.MISSING, ())
    state, reasons = _published_state(wanted, session, upstream, verify)
    if state is not State.FRESH:
        state, reasons = _work_state(wanted, session, state, reasons)
    return Plan(stage, params, recipe, fingerprint, inputs, state, reasons)


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


def _published_state(
    wanted: Plan, session: Session, upstream: Mapping[str, Plan], verify: bool
) -> tuple[State, tuple[str, ...]]:
    folder = session.root / wanted.stage.name
    if not folder.exists():
        return State.MISSING, ()
    try:
        receipt = Receipt.load(folder)
    except (OSError, ValueError):
        return State.DAMAGED, ("stage.json: missing or unreadable",)
    if receipt.fingerprint != wanted.fingerprint:
        said = {name: _because(upstream[name]) for name in wanted.stage.needs}
        return State.STALE, changes(receipt.recipe, wanted.recipe, said)
    if broken := damages(folder, receipt.outputs, verify):
        return State.DAMAGED, broken
    unready = [n for n in wanted.stage.needs if upstream[n].state is not State.FRESH]
    remade = [
        f"needs.{name}: made again, with other content"
        for name in wanted.stage.needs
        if name not in unready and receipt.inputs.get(name) != wanted.inputs[name]
    ]
    if remade:
        return State.STALE, tuple(remade)
    return State.FRESH, tuple(f"needs.{n}: {upstream[n].state}" for n in unready)


def _work_state(
    wanted: Plan, session: Session, state: State, reasons: tuple[str, ...]
) -> tuple[State, tuple[str, ...]]:
    """The state with what lies in the work folder taken into account."""
    folder = wanted.work_folder(session)
    if not folder.exists():
        return state, reasons
    try:
        receipt = Receipt.load(folder)
    except (OSError, ValueError):
        chunks = sum(1 for p in (folder / PARTS_FOLDER).rglob("*") if p.is_file())
        return State.PARTIAL, (*reasons, f"finished chunks kept: {chunks}")
    if damages(folder, receipt.outputs, verify=False):
        return State.PARTIAL, reasons
    return State.COMPLETE_UNPUBLISHED, reasons


def _contents(folder: Path) -> str:
    try:
        return Receipt.load(folder).contents
    except (OSError, ValueError):
        return ""


def _because(upstream: Plan) -> str:
    if upstream.state is State.FRESH:
        return "made again since"
    return f"{upstream.state}" + (f" ({upstream.reasons[0]})" if upstream.reasons else "")
