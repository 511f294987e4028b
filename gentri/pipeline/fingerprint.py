"""What a result is made from, as one digest; and what changed, in words."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gentri.pipeline.digests import canonical, digest_of
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Stage

# Bumped when the make-up of the recipe itself changes.
ENGINE = 1

Recipe = dict[str, Any]


def recipe_of(stage: Stage, params: Any, session: Session, upstream: Mapping[str, str]) -> Recipe:
    """All that decides the numbers of a stage, as JSON values.

    Contents stand in it and never paths, so that a session can be moved. Device, batch size and
    library versions stay out: they belong to the receipt.

    Args:
        stage: the stage.
        params: its own settings.
        session: for the digests of outside files, and for the order of the camera axis.
        upstream: fingerprints of the stages it needs.
    """
    return {
        "engine": ENGINE,
        "stage": stage.name,
        "version": stage.version,
        "sources": list(session.sources),
        "params": json.loads(canonical(asdict(params))),
        "external": stage.external(session, params),
        "needs": {name: upstream[name] for name in stage.needs},
    }


def fingerprint_of(recipe: Recipe) -> str:
    """Sha256 of the recipe's canonical JSON."""
    return digest_of(recipe)


def changes(old: Recipe, new: Recipe, upstream: Mapping[str, str]) -> tuple[str, ...]:
    """What makes two recipes of a stage differ, each in words such as `params.fps: 30.0 → 25.0`.

    Args:
        old: of the result that is there.
        new: of the result that is wanted.
        upstream: what is to be said of a stage whose fingerprint has changed.
    """
    said = [
        f"{key}: {_shown(old.get(key))} → {_shown(new[key])}"
        for key in ("engine", "version", "sources")
        if old.get(key) != new[key]
    ]
    for name in _differing(old, new, "params"):
        was, now = old.get("params", {}).get(name), new["params"].get(name)
        said.append(f"params.{name}: {_shown(was)} → {_shown(now)}")
    external = _differing(old, new, "external")
    if own := [name for name in external if name in new["sources"]]:
        said.append(f"sources changed: {', '.join(own)}")
    said += [f"{name} changed" for name in external if name not in new["sources"]]
    said += [f"needs.{name}: {upstream[name]}" for name in _differing(old, new, "needs")]
    return tuple(said)


def _differing(old: Recipe, new: Recipe, section: str) -> list[str]:
    was, now = old.get(section, {}), new[section]
    names = [*now, *(name for name in was if name not in now)]
    return [name for name in names if was.get(name) != now.get(name)]


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)
