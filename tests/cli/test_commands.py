"""Commands, answers and exit codes of the real command line, over two toy stages."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gentri.cli.app import app

TOY_PROGRAM = Path(__file__).with_name("toy_program.py")
Gentri = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gentri(tmp_path: Path) -> Gentri:
    """Run the toy program in a folder of its own."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(TOY_PROGRAM), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=_environment(),
            timeout=120,
        )

    return call


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def videos(tmp_path: Path) -> list[str]:
    for name in ("cam1.mp4", "cam2.mp4"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    return ["cam1.mp4", "cam2.mp4"]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but the memory of what was read and of who came last."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    by_looking = {"digests.json", "lock-owner.txt"}
    return {str(p): p.read_bytes() for p in files if p.name not in by_looking}


def test_run_names_the_results(gentri: Gentri, videos: list[str], tmp_path: Path) -> None:
    done = gentri("run", *videos)
    assert done.returncode == 0
    assert "chunks 3, width 12.5 px" in done.stdout
    assert f"Results in {Path('gentri-session') / 'judge'}" in done.stdout
    assert "verdict.json  the verdict" in done.stdout
    assert (tmp_path / "gentri-session" / "judge" / "verdict.json").is_file()
    assert "count: 3/3 chunks" in done.stderr


def test_a_session_needs_its_videos_once(gentri: Gentri, videos: list[str]) -> None:
    gentri("run", *videos)
    again = gentri("run")
    assert again.returncode == 0
    assert again.stderr.split() == ["count:", "fresh", "judge:", "fresh"]


def test_run_answers_machines_with_one_document(gentri: Gentri, videos: list[str]) -> None:
    done = gentri("run", *videos, "--json", "--set", "judge.verdict=poor")
    answer = json.loads(done.stdout)
    assert done.returncode == 3
    assert [(s["stage"], s["action"]) for s in answer["stages"]] == [
        ("count", "ran"),
        ("judge", "ran"),
    ]
    assert answer["stages"][0]["metrics"] == {"chunks": 3, "width_px": 12.5}
    assert answer["poor"] == {"judge": ["limbs change their length"]}
    assert "count: done" in done.stderr


def test_poor_quality_is_said_and_returned(gentri: Gentri, videos: list[str]) -> None:
    done = gentri("run", *videos, "--set", "judge.verdict=poor")
    assert done.returncode == 3
    assert "poor judge: limbs change their length" in done.stderr
    assert "Results in" in done.stdout


def test_a_refusal_says_cause_and_next_action(gentri: Gentri, videos: list[str]) -> None:
    done = gentri("run", *videos, "--set", "judge.verdict=refuse")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.endswith("gentri: nobody is in [red]view[/red]\n  → film a person\n")
    assert "Traceback" not in done.stderr


def test_a_refusal_answers_machines_too(gentri: Gentri) -> None:
    done = gentri("run", "--json", "absent.mp4", "other.mp4")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == error["exit_code"] == 1
    assert "absent.mp4 does not exist" in error["message"]


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--bogus", "--json"),
        ("run", "--json", "--device", "abacus"),
        ("run", "--json", "--session"),
        ("walk", "--json"),
        ("--bogus", "run", "--json"),
        ("weights", "verify", "--json", "--bogus"),
    ],
)
def test_misuse_answers_machines_too(gentri: Gentri, words: tuple[str, ...]) -> None:
    done = gentri(*words)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == error["exit_code"] == 2
    assert error["message"] in " ".join(done.stderr.split())
    assert gentri("run", "--bogus", "--", "--json").stdout == ""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have Unicode names only")
def test_what_is_not_unicode_is_refused(gentri: Gentri, videos: list[str]) -> None:
    odd = os.fsdecode(b"odd\xff")
    done = gentri("run", *videos, "--session", odd, "--json")
    assert done.returncode == 1
    assert "is not Unicode" in json.loads(done.stdout)["error"]["message"]
    done = gentri("run", *videos, "--set", f"judge.verdict={odd}")
    assert done.returncode == 2
    assert "cannot hold what is not Unicode" in done.stderr


def test_a_long_silence_is_announced(gentri: Gentri, videos: list[str], tmp_path: Path) -> None:
    with (tmp_path / "cam1.mp4").open("wb") as file:
        file.truncate(200_000_000)
    said = gentri("run", *videos).stderr
    assert f"gentri: reading {tmp_path / 'cam1.mp4'} to recognise it later (0.2 GB)" in said


def test_a_full_disk_is_explained_outside_the_stages(
    videos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gentri.pipeline.session.write_toml", full)
    done = CliRunner().invoke(app, ["run", *videos])
    assert done.exit_code == 1
    assert "gentri: the disk is full; finished work is kept\n  → free space" in done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself these there")
def test_interruption_keeps_chunks(gentri: Gentri, videos: list[str], name: str) -> None:
    stop = ("--set", f"count.stop_signal={name}", "--set", "count.stop_after=2")
    stopped = gentri("run", *videos, *stop)
    assert stopped.returncode == 130
    assert "interrupted; finished chunks are kept" in stopped.stderr
    assert "finished chunks kept: 2" in gentri("status").stdout
    resumed = gentri("run", *stop)  # the same settings: chunk 2 is skipped, and with it the signal
    assert resumed.returncode == 0, resumed.stderr
    assert "partial (finished chunks kept: 2)" in resumed.stderr


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("eval", "nothing is kept\n  → give the same command again to begin anew"),
        (
            "train",
            "examples and the last checkpoint are kept\n  → give the same command again to go",
        ),
    ],
)
def test_interrupted_commands_say_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, kept: str
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gentri.motion.read_motion", stop)
    motion = ("--motion", "x") if command == "eval" else ("x",)
    done = CliRunner().invoke(app, [command, *motion])
    assert done.exit_code == 130
    assert f"interrupted; {kept}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--set", "judge.verdikt=good"), "did you mean judge.verdict?"),
        (("run", "--set", "count.chunks=many"), "needed a whole number"),
        (("run", "--set", "count.chunks"), "--set count.chunks has no value"),
        (("run", "--until", "juge"), "did you mean judge?"),
        (("run", "--force", "cont"), "did you mean count?"),
        (("run", "--dry-run", "--force", "cont"), "did you mean count?"),
        (("run", "--device", "abacus"), "abacus"),
        (("run", "--bogus"), "--bogus"),
        (("walk",), "walk"),
    ],
)
def test_misuse(gentri: Gentri, videos: list[str], arguments: tuple[str, ...], said: str) -> None:
    gentri("run", *videos)
    done = gentri(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_set_edits_the_session(gentri: Gentri, videos: list[str], tmp_path: Path) -> None:
    gentri("run", *videos, "--until", "count")
    file = tmp_path / "gentri-session" / "session.toml"
    file.write_text(file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    changed = gentri("run", "--set", "count.chunks=5", "--until", "count")
    assert "count: stale (params.chunks: 3 → 5)" in changed.stderr
    assert "chunks = 5" in file.read_text(encoding="utf-8")
    assert "# mine" in file.read_text(encoding="utf-8")
    assert "count: fresh" in gentri("run").stderr  # the setting was not undone


def test_dry_run_writes_nothing(gentri: Gentri, videos: list[str], tmp_path: Path) -> None:
    before = tree(tmp_path)
    planned = gentri("run", *videos, "--dry-run")
    assert [line.split() for line in planned.stdout.splitlines()] == [
        ["count", "missing"],
        ["judge", "missing"],
    ]
    assert tree(tmp_path) == before

    gentri("run", *videos)
    before = tree(tmp_path)
    planned = gentri("run", "--dry-run", "--set", "count.chunks=4", "--force", "judge")
    assert "params.chunks: 3 → 4" in planned.stdout
    assert "forced" in planned.stdout
    assert tree(tmp_path) == before


def test_dry_run_refuses_what_the_real_command_refuses(
    gentri: Gentri, videos: list[str], tmp_path: Path
) -> None:
    gentri("run", *videos)
    (tmp_path / "cam3.mp4").write_bytes(b"other")
    before = tree(tmp_path)
    for words in (("run",), ("run", "--dry-run")):
        done = gentri(*words, "cam1.mp4", "cam3.mp4")
        assert done.returncode == 1
        assert "belongs to other videos: found cam1, cam3; needed cam1, cam2" in done.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for words in (("run",), ("run", "--dry-run")):
        assert "is not empty" in gentri(*words, *videos, "--session", "full").stderr
    (tmp_path / "full" / "mine.txt").unlink()
    (tmp_path / "full").rmdir()
    assert tree(tmp_path) == before


def test_an_interrupted_force_says_how_to_go_on(gentri: Gentri, videos: list[str]) -> None:
    stop = ("--set", "count.stop_signal=SIGINT", "--set", "count.stop_after=2")
    again = ("run", "--until", "count", "--force", "count")
    gentri("run", *videos, "--until", "count")
    stopped = gentri(*again, *stop)
    assert stopped.returncode == 130
    assert "the same command again to go on from there, without --force for what" in stopped.stderr
    assert "finished chunks kept: 2" in gentri(*again, "--dry-run").stdout
    resumed = gentri(*again, *stop)  # the chunk that sends the signal is there
    assert resumed.returncode == 0, resumed.stderr
    assert "2/3 chunks" not in resumed.stderr
    assert gentri(*again, *stop).returncode == 130  # the next one begins anew


def test_force_runs_what_is_fresh(gentri: Gentri, videos: list[str]) -> None:
    gentri("run", *videos)
    done = gentri("run", "--force", "judge")
    assert "judge: forced" in done.stderr
    assert done.stdout.splitlines()[0].startswith("count  kept")
    assert done.stdout.splitlines()[1].startswith("judge  ran")


def test_status_names_the_changed_parameter(
    gentri: Gentri, videos: list[str], tmp_path: Path
) -> None:
    gentri("run", *videos)
    with (tmp_path / "gentri-session" / "session.toml").open("a", encoding="utf-8") as file:
        file.write("[count]\nchunks = 4\n")
    count, judge = json.loads(gentri("status", "--json").stdout)["stages"]
    assert count == {"stage": "count", "state": "stale", "reasons": ["params.chunks: 3 → 4"]}
    assert judge["state"] == "stale"
    assert "params.chunks: 3 → 4" in judge["reasons"][0]


def test_status_verifies_contents(gentri: Gentri, videos: list[str], tmp_path: Path) -> None:
    gentri("run", *videos)
    (tmp_path / "gentri-session" / "count" / "count.txt").write_text("8")
    assert "count  fresh" in gentri("status").stdout
    assert "count  damaged  count.txt: content changed" in gentri("status", "--verify").stdout


def test_status_needs_a_session(gentri: Gentri) -> None:
    done = gentri("status")
    assert done.returncode == 1
    assert "gentri-session is not a gentri session" in done.stderr


def test_config_tells_value_origin_and_reason(gentri: Gentri, videos: list[str]) -> None:
    assert "count.chunks = 3  (default)\n    Chunks to make." in gentri("config").stdout
    gentri("run", *videos, "--set", "count.chunks=5")
    done = gentri("config")
    assert "count.chunks = 5  (session, default 3)" in done.stdout
    assert done.stderr == ""
    done = gentri("config", "--session", "gentri-sesion")
    assert "count.chunks = 3  (default)" in done.stdout
    assert "there is no session in gentri-sesion: these are the default settings" in done.stderr
    listed = {f"{s['stage']}.{s['name']}": s for s in _settings(gentri("config", "--json").stdout)}
    assert listed["count.chunks"]["value"] == 5
    assert listed["judge.verdict"]["source"] == "default"


def _settings(document: str) -> list[dict[str, str]]:
    return json.loads(document)["settings"]


def test_clean_keeps_the_session(gentri: Gentri, videos: list[str], tmp_path: Path) -> None:
    gentri("run", *videos)
    assert gentri("clean").returncode == 0
    assert "count  fresh" in gentri("status").stdout
    assert json.loads(gentri("clean", "--all", "--json").stdout)["freed_bytes"] > 0
    assert "count  missing" in gentri("status").stdout
    assert (tmp_path / "gentri-session" / "session.toml").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows does not allow")
def test_hostile_names_are_printed_as_they_are(gentri: Gentri, tmp_path: Path) -> None:
    names = ["-x.mp4", "[red]ü :smile: b[-red].mp4", "esc\x1b[31m.mp4"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    done = gentri("run", "--", *names)
    assert done.returncode == 0, done.stderr
    said = next(line for line in done.stderr.splitlines() if "sources" in line)
    assert sorted(said.removeprefix("count: sources ").split(", ")) == sorted(
        ["-x.mp4", "[red]ü :smile: b[-red].mp4", "esc\\x1b[31m.mp4"]
    )
