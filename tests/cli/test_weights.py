import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gentri.cli.app import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENTRI_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("GENTRI_WEIGHTS_MIRROR", (tmp_path / "mirror").as_uri())
    return tmp_path


def weights(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["weights", *arguments])


def test_list_tells_what_is_here(folder: Path) -> None:
    rows = weights("list").stdout.splitlines()
    assert any(r.startswith("movenet-thunder") and "  here  " in r for r in rows)
    assert any(r.startswith("rtmpose-m") and str(folder) in r and "not here" in r for r in rows)
    listed = {w["name"]: w for w in json.loads(weights("list", "--json").stdout)["weights"]}
    assert listed["movenet-thunder"]["present"] is True
    assert listed["rtmpose-m"]["present"] is False


def test_embedded_files_are_as_published() -> None:
    done = weights("verify", "movenet-thunder", "movenet-multipose")
    assert done.exit_code == 0
    assert done.stdout.count("as published") == 2


def test_verify_refuses_another_file(folder: Path) -> None:
    listed = {w["name"]: w for w in json.loads(weights("list", "--json").stdout)["weights"]}
    Path(listed["rtmpose-m"]["path"]).write_bytes(b"something else")
    done = weights("verify")
    assert done.exit_code == 1
    assert "is not the file 'rtmpose-m'" in done.stdout
    assert "movenet-thunder    as published" in done.stdout


def test_fetch_out_of_reach_says_where_to_put_the_file(folder: Path) -> None:
    done = weights("fetch", "rtmpose-m", "--json")
    error = json.loads(done.stdout)["error"]
    assert done.exit_code == error["exit_code"] == 1
    assert str(folder) in error["hint"]
    assert "GENTRI_WEIGHTS_DIR" in error["hint"]


def test_unknown_name(folder: Path) -> None:
    done = weights("fetch", "rtmpose-x")
    assert done.exit_code == 2
    assert "rtmpose-x" in done.stderr
