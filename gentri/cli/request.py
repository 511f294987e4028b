"""What a person asked for, made of the options of a command line."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gentri.cli.failures import printable
from gentri.errors import UsageError

if TYPE_CHECKING:
    from gentri.pipeline.session import Session

# The word that takes a given file away again.
NONE = "none"


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Attributes:
        videos: sources; none in an existing session.
        keypoints: sources of another kind, in place of videos.
        session: its folder.
        edits: `stage.name` → value, to be written into the session.
        given: name → files from elsewhere, to be written into the session; none to take it away.
        force: stages to do again.
        until: last stage, None for all.
        json: answer with a JSON document.
    """

    videos: tuple[Path, ...]
    keypoints: tuple[Path, ...]
    session: Path
    edits: dict[str, str]
    given: dict[str, tuple[Path, ...]]
    force: tuple[str, ...]
    until: str | None
    json: bool

    def __post_init__(self) -> None:
        if self.videos and self.keypoints:
            self._refuse_several_after_one_option()
            raise UsageError(
                "videos and --keypoints were given together",
                "give the one or the other: with --keypoints nothing is detected in videos",
            )

    def _refuse_several_after_one_option(self) -> None:
        """What shells make of `--keypoints pose/*`: the first is the option's, the rest videos."""
        from gentri.keypoints.sources import may_hold_keypoints

        if all(map(may_hold_keypoints, self.videos)):
            raise UsageError(
                f"--keypoints takes one folder or file; behind it stand "
                f"{len(self.videos)} more, such as {self.videos[0]}",
                "write --keypoints before each of them, or give the folder above: "
                f"--keypoints {self.keypoints[0].parent}",
            )

    def sources(self) -> dict[str, Path]:
        """Camera name → its source; none where the session has them already.

        Raises:
            InputError: they are not there, or cannot serve.
        """
        if self.keypoints:
            from gentri.keypoints.sources import collect_keypoints

            return collect_keypoints(self.keypoints)
        if not self.videos:
            return {}
        from gentri.media.sources import collect_sources

        return collect_sources(self.videos)

    def open(self) -> "Session":
        """The session, made where there is none, with what is given written into it.

        Raises:
            GentriError: something is not there, or the folder serves something else.
        """
        from gentri.pipeline.given import check_given
        from gentri.pipeline.session import Session

        check_given(self.given)
        sources = self.sources()
        session = Session.create(self.session, sources) if sources else Session.open(self.session)
        return session.give(self.given)

    def draft(self, folder: Path) -> "Session":
        """The session as `open` would leave it; one in a temporary folder where there is none yet.

        Raises:
            GentriError: as `open`.
        """
        from gentri.pipeline.session import SETTINGS_FILE, Session, check_place

        sources = self.sources()
        if not sources:
            return Session.open(self.session).with_given(self.given)
        check_place(self.session, sources)
        if (self.session / SETTINGS_FILE).is_file():
            return Session.open(self.session).with_sources(sources).with_given(self.given)
        return Session.create(folder / "draft", sources).with_given(self.given)


def settings_file(session: Path) -> Path:
    """Where the settings of a session are; says so where there is none, and the defaults hold."""
    from gentri.pipeline.session import SETTINGS_FILE

    file = session / SETTINGS_FILE
    if not file.is_file():
        text = f"gentri: there is no session in {session}: these are the default settings"
        print(printable(text), file=sys.stderr)
    return file


def parse_edits(settings: Sequence[str], short: Mapping[str, str | None]) -> dict[str, str]:
    """Settings by name: those with an option of their own, then those given as `stage.name=value`.

    Args:
        settings: texts with "=".
        short: `stage.name` → value; None where the option was not given.

    Raises:
        UsageError: one of them has no "=".
    """
    edits = {key: value for key, value in short.items() if value is not None}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text} has no value", "write --set STAGE.NAME=VALUE")
        edits[key.strip()] = value.strip()
    return edits


def parse_given(options: Mapping[str, Sequence[Path] | Path | None]) -> dict[str, tuple[Path, ...]]:
    """Files from elsewhere by name; the word "none" alone takes one away.

    Args:
        options: name → path or paths; None, or no path, where the option was not given.
    """
    given: dict[str, tuple[Path, ...]] = {}
    for name, value in options.items():
        paths = (value,) if isinstance(value, Path) else tuple(value or ())
        if paths:
            given[name] = () if [str(path) for path in paths] == [NONE] else paths
    return given


def texts(values: Sequence[str] | None) -> str | None:
    """Several texts as the TOML list that a setting takes; None where there are none."""
    from json import dumps

    return dumps(list(values), ensure_ascii=False) if values else None
