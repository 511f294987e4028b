"""Settings of the stages: default.toml, and over it the session's own session.toml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

import tomlkit
from tomlkit.container import Container
from tomlkit.items import Comment, Item, Table, Whitespace
from tomlkit.toml_document import TOMLDocument

from gentri.configs.schema import MismatchError, convert, describe
from gentri.errors import UsageError
from gentri.pipeline.given import GIVEN_TABLE
from gentri.pipeline.session import SOURCES_TABLE
from gentri.pipeline.stage import Stage
from gentri.pipeline.toml_file import read_toml, write_toml

DEFAULTS_FILE = Path(__file__).with_name("default.toml")

_HINT = "correct it in session.toml or with --set; gentri config lists every setting"

# Stage name → its settings by name, as TOML gives them.
Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Setting:
    """A parameter as a person sees it.

    Attributes:
        stage: whose.
        name: of the parameter.
        value: in effect.
        default: what default.toml says.
        source: where the value is from.
        allowed: the values it may have, in words.
        comment: unit and reason, from default.toml.
    """

    stage: str
    name: str
    value: Any
    default: Any
    source: Literal["default", "session"]
    allowed: str
    comment: str


def load_settings(stages: Sequence[Stage], session_file: Path | None = None) -> dict[str, Any]:
    """The params of every stage.

    Args:
        stages: all stages of the program.
        session_file: the session's settings; None, or a file that is not there, for the defaults.

    Raises:
        UsageError: an unknown table or name, with the nearest known one, or a value of the wrong
            type.
    """
    return _params(stages, _session(session_file).unwrap(), session_file)


def edit_settings(stages: Sequence[Stage], session_file: Path, edits: Mapping[str, str]) -> None:
    """Write settings into the session's file, its comments kept; all of them, or none.

    Args:
        stages: all stages of the program.
        session_file: session.toml.
        edits: `stage.name` → the value as TOML writes it; a text may go without quotes.

    Raises:
        UsageError: an unknown name or a value of the wrong type; nothing is written.
    """
    document = _session(session_file)
    for key, text in edits.items():
        stage, name, wanted = _parameter(stages, key)
        if stage.name not in document:
            document[stage.name] = tomlkit.table()
        document[stage.name][name] = _value(key, text, wanted)  # pyright: ignore[reportIndexIssue]
    _params(stages, document.unwrap(), session_file)
    if edits:
        write_toml(session_file, document)


def list_settings(stages: Sequence[Stage], session_file: Path | None = None) -> tuple[Setting, ...]:
    """Every parameter with its value, where that is from, and its comment.

    Raises:
        UsageError: as `load_settings`.
    """
    defaults, session = read_toml(DEFAULTS_FILE), _session(session_file).unwrap()
    usual = _params(stages, {}, DEFAULTS_FILE)
    in_effect = _params(stages, session, session_file)
    listed = []
    for stage in stages:
        comments, types = _comments(defaults[stage.name]), get_type_hints(stage.params)
        for name in (f.name for f in fields(stage.params)):
            listed.append(
                Setting(
                    stage=stage.name,
                    name=name,
                    value=getattr(in_effect[stage.name], name),
                    default=getattr(usual[stage.name], name),
                    source="session" if name in session.get(stage.name, {}) else "default",
                    allowed=describe(types[name]),
                    comment=comments.get(name, ""),
                )
            )
    return tuple(listed)


def _session(file: Path | None) -> TOMLDocument:
    return read_toml(file) if file is not None and file.is_file() else tomlkit.document()


def _params(stages: Sequence[Stage], session: Tables, file: Path | None) -> dict[str, Any]:
    """Lay the tables of a session over the defaults. `file` is where the session's tables stand."""
    defaults = read_toml(DEFAULTS_FILE).unwrap()
    known = [stage.name for stage in stages]
    for table, own in session.items():
        if table not in (SOURCES_TABLE, GIVEN_TABLE, *known):
            raise UsageError.unknown(f"table in {file}", table, known)
        if not isinstance(own, Mapping):
            raise UsageError(f"{file}: {table} is not a table", f"write [{table}] and lines below")
    return {s.name: _stage_params(s, defaults[s.name], session.get(s.name, {})) for s in stages}


def _stage_params(stage: Stage, defaults: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    types = get_type_hints(stage.params)
    for name in own:
        if name not in types:
            names = [f"{stage.name}.{known}" for known in types]
            raise UsageError.unknown("setting", f"{stage.name}.{name}", names)
    values = {}
    for name, wanted in types.items():
        raw = own[name] if name in own else defaults[name]
        values[name] = _converted(f"{stage.name}.{name}", raw, wanted)
    try:
        return stage.params(**values)
    except ValueError as error:  # a value out of range
        raise UsageError(f"{stage.name}.{error}", _HINT) from error


def _converted(key: str, value: Any, wanted: Any) -> Any:
    try:
        return convert(value, wanted)
    except MismatchError as error:
        raise UsageError(f"{key}: {error}", _HINT) from error


def _parameter(stages: Sequence[Stage], key: str) -> tuple[Stage, str, Any]:
    """The stage, the name and the type behind `stage.name`."""
    types = {
        f"{s.name}.{n}": (s, n, t) for s in stages for n, t in get_type_hints(s.params).items()
    }
    if key not in types:
        raise UsageError.unknown("setting", key, types)
    return types[key]


def _value(key: str, text: str, wanted: Any) -> Any:
    """What a person wrote on the command line: a TOML value, else a text as it stands."""
    try:
        parsed = tomlkit.value(text).unwrap()
    except ValueError:
        parsed = text
    for value in (parsed, text):
        try:
            convert(value, wanted)
        except MismatchError:
            continue
        return value
    return _converted(key, parsed, wanted)


def _comments(table: Item | Container) -> dict[str, str]:
    """Name → the comment above it, which may stand for several lines, and the one behind it."""
    assert isinstance(table, Table)
    comments: dict[str, str] = {}
    above: list[str] = []
    comment_ended = False
    for key, item in table.value.body:
        if isinstance(item, Whitespace):
            above = []
        elif isinstance(item, Comment):
            above = [*([] if comment_ended else above), _said(item)]
        elif key is not None:
            comments[key.key] = " ".join([*above, _said(item)]).strip()
        comment_ended = not isinstance(item, Comment)
    return comments


def _said(item: Item) -> str:
    return item.trivia.comment.lstrip("# ")
