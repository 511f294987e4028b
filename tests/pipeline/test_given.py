"""Files from elsewhere: the table [given] of session.toml."""

import shutil
from pathlib import Path

import pytest
import tomlkit

from gentri.errors import InputError, UsageError
from gentri.pipeline.given import Given
from gentri.pipeline.session import Session


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    file = tmp_path / "elsewhere" / "Calib.toml"
    file.parent.mkdir()
    file.write_text("cameras")
    return file


def table(session: Session) -> dict[str, object]:
    document = tomlkit.parse(session.settings_file.read_text(encoding="utf-8")).unwrap()
    return document.get("given", {})


def test_nothing_is_given_unless_said(session: Session) -> None:
    assert session.given == Given()
    assert table(session) == {}


def test_paths_are_kept_relative_and_read_absolute(session: Session, rig: Path) -> None:
    takes = (rig.parent, rig.parents[1] / "videos")
    made = session.give({"rig": (rig,), "takes": takes})
    assert table(session) == {
        "rig": "../elsewhere/Calib.toml",
        "takes": ["../elsewhere", "../videos"],
    }
    assert made.given == Session.open(session.root).given == Given(rig=rig, takes=takes)


def test_an_edit_leaves_the_rest_and_none_takes_away(session: Session, rig: Path) -> None:
    text = session.settings_file.read_text(encoding="utf-8") + "\n[toy]\nx = 1  # mine\n"
    session.settings_file.write_text(text, encoding="utf-8")
    made = session.give({"rig": (rig,)}).give({"world": (rig,), "takes": (rig.parent,)})
    assert made.given == Given(rig=rig, world=rig, takes=(rig.parent,))
    made = made.give({"rig": (), "takes": ()})
    assert Session.open(session.root).given == made.given == Given(world=rig)
    assert "x = 1  # mine" in session.settings_file.read_text(encoding="utf-8")
    made.give({"world": ()})
    assert session.settings_file.read_text(encoding="utf-8").rstrip() == text.rstrip()


def test_what_is_given_survives_other_sources_and_a_move(
    session: Session, rig: Path, videos: dict[str, Path], tmp_path: Path
) -> None:
    session.give({"rig": (rig,)})
    del videos["cam1"]
    assert Session.create(session.root, videos).given.rig == rig
    root = tmp_path / "moved" / "session"
    root.parent.mkdir()
    shutil.move(session.root, root)
    shutil.move(rig.parent, tmp_path / "moved" / "elsewhere")
    assert Session.open(root).given.rig == tmp_path / "moved" / "elsewhere" / "Calib.toml"


def test_what_is_not_there_is_refused_at_once(session: Session, tmp_path: Path) -> None:
    before = session.settings_file.read_bytes()
    with pytest.raises(InputError, match=r"rig: there is no .*absent\.toml\n"):
        session.give({"rig": (tmp_path / "absent.toml",)})
    with pytest.raises(UsageError, match=r"unknown given file: rik\n.*did you mean rig\?"):
        session.with_given({"rik": (tmp_path,)})
    assert session.settings_file.read_bytes() == before


def test_planning_writes_nothing(session: Session, rig: Path) -> None:
    before = session.settings_file.read_bytes()
    assert session.with_given({"rig": (rig,)}).given.rig == rig
    assert session.settings_file.read_bytes() == before


WRONG = {
    "rigg = 'a'": r"unknown name in \[given\] of .*: rigg\n.*did you mean rig\?",
    "rig = 3": r"given\.rig is not a path\n.*rig = ",
    "rig = ''": r"given\.rig is not a path",
    "takes = 'a'": r"given\.takes is not a path\n.*takes = ",
    "takes = [1]": r"given\.takes is not a path",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_not_understood_is_refused(session: Session, line: str) -> None:
    with session.settings_file.open("a", encoding="utf-8") as file:
        file.write(f"\n[given]\n{line}\n")
    with pytest.raises(UsageError, match=WRONG[line]):
        Session.open(session.root)


def test_a_given_file_is_recognised_by_its_content(session: Session, rig: Path) -> None:
    made = session.give({"rig": (rig,)})
    before = made.digest(rig)
    rig.write_text("other cameras")
    assert made.digest(rig) != before
    rig.unlink()
    assert made.digest(rig) != before  # results outlive it
    with pytest.raises(InputError, match="--rig FILE"):
        made.digest(rig.parent / "never.toml")
