"""Sessions and disks that cannot take the work: refused, and the results that are there stay."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from balance import STILL_VIDEOS, VIDEOS
from sessions import published
from typer.testing import CliRunner

from gentri.cli.app import app


@pytest.mark.parametrize("place", ["file/session", "file"])
def test_a_place_that_cannot_hold_a_session(refused, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    said = refused(*STILL_VIDEOS, "--session", tmp_path / place)
    assert str(tmp_path / place) in said
    assert "--session" in said.partition("→")[2]
    assert (tmp_path / "file").read_text() == "mine"


def test_other_videos_than_the_sessions(refused, moved):
    before = published(moved)
    said = refused(*STILL_VIDEOS, "--session", moved)
    assert "belongs to other videos: found cam01 = " in said
    assert "--session OTHER" in said
    assert "found cam01, cam02; needed cam01, cam02, cam03, cam04" in refused(
        *VIDEOS[:2], "--session", moved
    )
    assert published(moved) == before


def test_a_video_that_became_bad_leaves_the_results(program, refused, moved, tmp_path):
    videos = [Path(shutil.copy(v, tmp_path / v.name)) for v in VIDEOS]
    before = published(moved)
    assert program("run", *videos, "--session", moved).returncode == 0
    videos[2].write_bytes(b"no video")
    assert "cam03.mp4 is not a video" in refused("--session", moved)
    assert published(moved) == before
    assert '"state": "stale"' in program("status", "--session", moved, "--json").stdout


def test_a_full_disk_in_the_middle_of_the_work(moved, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = published(moved)
    monkeypatch.setattr("gentri.data.Poses3D.save", full)
    arguments = ["run", "--session", str(moved), "--force", "triangulate"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "the disk is full" in done.stderr
    assert "free space and run again" in done.stderr
    assert published(moved) == before


@pytest.fixture
def small_disk(tmp_path, request) -> Iterator[Path]:
    """A file system of so many megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", place]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user cannot mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("small_disk", [2], indirect=True)
def test_a_disk_without_room_for_the_frames(refused, small_disk):
    said = refused(*STILL_VIDEOS, "--session", small_disk / "s")
    assert "not enough disk: the frames take about 6." in said
    assert "frames.max_side_px" in said


@pytest.mark.parametrize("small_disk", [60], indirect=True)
def test_a_disk_that_becomes_full_leaves_the_results(program, refused, finished, small_disk):
    session = Path(shutil.copytree(finished.root, small_disk / "s"))
    before = published(session)
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(free - 300_000))
    said = refused("--session", session, "--force", "export")
    assert "disk" in said and "space" in said
    assert published(session) == before
    (small_disk / "filler").unlink()
    assert program("run", "--session", session).returncode == 0
    assert published(session) == before


@pytest.mark.parametrize("small_disk", [60], indirect=True)
def test_a_disk_that_cannot_be_written(program, refused, finished, small_disk):
    session = Path(shutil.copytree(finished.root, small_disk / "s"))
    before = published(session)
    remount = ["mount", "-o", "remount,ro", small_disk]
    subprocess.run(remount, check=True)
    said = refused("--session", session, "--force", "export")
    assert "Read-only file system" in said
    assert published(session) == before
    states = program("status", "--session", session)
    assert states.returncode == 0
    assert states.stdout.count("fresh") == 5
