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


def test_fetch_takes_models_and_names_all_that_they_need(folder: Path) -> None:
    error = json.loads(weights("fetch", "rtmpose-m", "--json").stdout)["error"]
    for name in ("rtmdet_m_8xb32", "rtmpose-m_simcc"):
        assert str(folder / name) in error["hint"]
    assert "gentri weights fetch" not in error["hint"]


def test_fetch_without_names_is_for_the_session(folder: Path, tmp_path: Path) -> None:
    done = weights("fetch", "--session", str(tmp_path / "none"))
    assert done.exit_code == 0
    assert [Path(line).name for line in done.stdout.splitlines()] == [
        "movenet_multipose.safetensors",
        "movenet_thunder.safetensors",
    ]
    assert "there is no session in" in done.stderr
    settings = tmp_path / "session" / "session.toml"
    settings.parent.mkdir()
    settings.write_text('[sources]\na = "a.mp4"\n[detect]\nmodel = "rtmpose-t"\n')
    done = weights("fetch", "--session", str(settings.parent))
    assert done.exit_code == 1
    assert "rtmdet_nano" in done.stderr and "rtmpose-t_simcc" in done.stderr
    assert "there is no session" not in done.stderr
