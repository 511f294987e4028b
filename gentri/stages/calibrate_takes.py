"""Other takes of the same cameras, which calibrate pools with the session's own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gentri.data import Keypoints2D
from gentri.errors import GentriError, InputError, SessionError, UsageError, or_without
from gentri.pipeline.stage import Context

if TYPE_CHECKING:
    from gentri.pipeline.session import Session

# What is read of another take, relative to its session.
_TAKE_PARTS = ("detect", "frames/timeline.npz", "calibrate/subject.npz")


def take_digests(session: "Session") -> dict[str, str]:
    """Of everything that is read of other takes.

    Raises:
        InputError: a take is not there, or not calibrated.
        SessionError: it is no session.
    """
    found = {}
    for number, take in enumerate(session.given.takes, start=2):
        for part in _TAKE_PARTS:
            try:
                found[f"take {number} {part}"] = session.digest(take / part, _arrays)
            except InputError as error:
                with or_without("--take none"):
                    raise _unready(take) or error from error
    return found


def _arrays(folder: Path) -> Iterable[Path]:
    return folder.glob("*.npz")


def read_takes(context: Context, sizes: Mapping[str, tuple[int, int]]) -> list[Keypoints2D]:
    """The subject of every other take, in the cameras that both have.

    Raises:
        InputError: a take is not calibrated, or is of other cameras.
        SessionError: it is no session.
        UsageError: it is this session.
    """
    takes = []
    with or_without("--take none"):
        for path in check_takes(context.session):
            takes.append(_take(path, sizes, context.params.min_score))
            context.progress.say(f"with {len(takes[-1].time_s)} ticks of {path}")
    return takes


def check_takes(session: "Session") -> tuple[Path, ...]:
    """The other takes, each calibrated and there once.

    Raises:
        InputError: a take is not calibrated, or shows what another one shows.
        SessionError: it is no session.
        UsageError: it is this session.
    """
    own = session.root / "detect"  # there only when this session has come so far
    shown = {session.digest(own, _arrays): session.root} if own.is_dir() else {}
    for path in session.given.takes:
        if path.resolve() == session.root.resolve():
            raise UsageError(f"{path} is this session itself", "name the other takes alone")
        if refusal := _unready(path):
            raise refusal
        digest = session.digest(path / "detect", _arrays)
        if digest in shown:
            raise InputError(
                f"the takes {shown[digest]} and {path} show the same, which would count twice",
                "name each take once, and this session not at all",
            )
        shown[digest] = path
    return session.given.takes


def _unready(path: Path) -> GentriError | None:
    """Why a folder cannot serve as a take."""
    from gentri.pipeline.session import SETTINGS_FILE

    if not path.is_dir():
        return InputError(f"there is no {path}", "check its path, or put it back")
    if not (path / SETTINGS_FILE).is_file():
        inside = [p.parent for p in sorted(path.glob(f"*/{SETTINGS_FILE}"))]
        hint = f"did you mean {inside[0]}?" if inside else "name the folder of its results"
        return SessionError(f"{path} is not a gentri session: it has no {SETTINGS_FILE}", hint)
    if not all((path / part).exists() for part in _TAKE_PARTS):
        return InputError(
            f"the take {path} is not calibrated yet", f"gentri calibrate --session {path}"
        )
    return None


def _take(path: Path, sizes: Mapping[str, tuple[int, int]], min_score: float) -> Keypoints2D:
    from gentri.people.subject import subject_keypoints

    take = subject_keypoints(path / "detect", path / "calibrate", min_score)
    common = [c for c, name in enumerate(take.cameras) if name in sizes]
    if len(common) < 2:
        raise InputError(
            f"the take {path} has the cameras {', '.join(take.cameras)}, this one "
            f"{', '.join(sizes)}: two of the same names are needed at least",
            "takes can be pooled when the same cameras stood in the same places; name them alike",
        )
    for c in common:
        size, expected = tuple(int(n) for n in take.size_px[c]), sizes[take.cameras[c]]
        if size != expected:
            raise InputError(
                f"{take.cameras[c]} has pictures of {size[0]}×{size[1]} pixels in {path} and of "
                f"{expected[0]}×{expected[1]} here",
                "pool takes of cameras that neither moved nor changed their settings",
            )
    return replace(
        take,
        xy_px=take.xy_px[common],
        score=take.score[common],
        cameras=tuple(take.cameras[c] for c in common),
        size_px=take.size_px[common],
    )
