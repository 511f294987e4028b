"""Stages that fail, are stopped or run out of disk: nothing finished is lost."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_stages
from toy_runs import NAMES, after_chunks, contents, go, states, with_run
from toy_stages import STAGES, settings

from gentri.errors import SessionError
from gentri.pipeline import lock, runner
from gentri.pipeline.guards import explain_disk_errors
from gentri.pipeline.plan import plan
from gentri.pipeline.session import Session


def test_a_failed_rerun_keeps_the_old_result_and_the_finished_chunks(session, work_log):
    go(session)
    before, _ = contents(session.root), work_log()
    with pytest.raises(RuntimeError, match="degenerate"):
        go(session, after_chunks(4, RuntimeError("degenerate")), scale=2.0)
    assert contents(session.root) == before
    assert states(session) == ["fresh"] * 4
    assert states(session, scale=2.0) == ["fresh", "partial", "stale", "stale"]
    found = plan(STAGES, session, settings(scale=2.0))[1]
    assert found.reasons == ("params.scale: 1.0 → 2.0", "finished chunks kept: 4")
    done = work_log()
    go(session, scale=2.0)
    assert not set(done) & set(work_log())


def test_chunks_of_the_settings_before_last_are_taken_up(session, work_log):
    with pytest.raises(RuntimeError):
        go(session, after_chunks(4, RuntimeError()), scale=2.0)
    done = work_log()
    go(session, scale=3.0)
    assert states(session, scale=2.0)[1] == "partial"
    work_log()
    go(session, scale=2.0)
    assert not set(done) & set(work_log())


def test_work_folders_of_long_ago_do_not_fill_the_disk(session):
    for scale in (2.0, 3.0, 4.0, 5.0):
        with pytest.raises(RuntimeError):
            go(session, after_chunks(1, RuntimeError()), scale=scale)
        time.sleep(0.02)  # the file system's clock tells which is the latest
    assert [states(session, scale=s)[1] for s in (2.0, 3.0, 4.0, 5.0)] == [
        "missing",
        "missing",
        "partial",
        "partial",
    ]


def test_half_written_files_of_a_kill_are_not_published(session):
    with pytest.raises(RuntimeError):
        go(session, after_chunks(1, RuntimeError()))
    (work,) = (session.work / "detect").iterdir()
    (work / ".0123456789ab.tmp").write_text("half")
    half_a_chunk = work / "_parts" / ".abc.tmp" / "chunk"
    half_a_chunk.mkdir(parents=True)
    (half_a_chunk / ".0123456789ab.tmp").write_text("half")
    go(session)
    assert ".0123456789ab.tmp" not in {p.name for p in (session.root / "detect").iterdir()}
    assert states(session) == ["fresh"] * 4


def test_a_crash_between_the_two_renames_loses_neither_result(session, monkeypatch, work_log):
    go(session)
    before, _ = contents(session.root), work_log()
    real, calls = os.rename, []

    def second_dies(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(runner.os, "rename", second_dies)
        with pytest.raises(KeyboardInterrupt):
            go(session, ransac_px=2.0)
    assert states(session, ransac_px=2.0)[2] == "complete-unpublished"
    saved = shutil.copytree(session.root, session.root.with_name("saved"))

    assert go(Session(saved, session.sources)) == dict.fromkeys(NAMES, "kept")
    assert contents(saved) == before

    work_log()
    assert go(session, ransac_px=2.0)["calibrate"] == "published"
    assert work_log() == ["triangulate"]
    assert states(session, ransac_px=2.0) == ["fresh"] * 4


def test_an_interrupted_forced_run_is_taken_up_by_the_same_command(session, work_log):
    go(session)
    before, _ = contents(session.root), work_log()
    with pytest.raises(KeyboardInterrupt):
        go(session, after_chunks(4, KeyboardInterrupt()), force={"detect"})
    done = work_log()
    assert len(done) == 4
    assert states(session) == ["fresh"] * 4
    found = plan(STAGES, session, settings(), force={"detect"})[1]
    assert (str(found.state), found.reasons) == ("partial", ("finished chunks kept: 4",))
    assert go(session, force={"detect"})["detect"] == "ran"
    assert len(resumed := work_log()) == 14
    assert not set(done) & set(resumed)
    assert contents(session.root) == before
    go(session, force={"detect"})
    assert len(work_log()) == 18  # the next one begins anew


def test_a_forced_run_takes_up_no_chunks_of_another(session, work_log):
    with pytest.raises(RuntimeError):
        go(session, after_chunks(4, RuntimeError()))
    work_log()
    go(session, force={"detect"})
    assert len([line for line in work_log() if line.startswith("detect")]) == 18


def test_a_complete_work_folder_that_lost_a_file_is_made_anew(session, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_publish", lambda *_: next(iter(())))
        with pytest.raises(StopIteration):
            go(session, until="frames")
    assert states(session)[0] == "complete-unpublished"
    (work,) = (session.work / "frames").iterdir()
    shutil.rmtree(work / "cam1")
    assert states(session)[0] == "missing"
    go(session)
    assert states(session) == ["fresh"] * 4


def test_a_full_disk_is_explained_and_finished_work_kept(session, work_log):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(SessionError, match=r"the disk is full: \d+ MB are free.*\n.*--session"):
        go(session, after_chunks(4, full))
    done = work_log()
    assert go(session)["detect"] == "ran"
    assert not set(done) & set(work_log())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_truly_full_device_is_explained(session):
    def work(context):
        with open("/dev/full", "wb") as file:
            file.write(b"x")

    with pytest.raises(SessionError, match="the disk is full"):
        go(session, with_run("calibrate", work))
    assert states(session) == ["fresh", "fresh", "partial", "missing"]


def test_a_forbidden_file_is_explained(session):
    def work(context):
        raise PermissionError(errno.EACCES, "Permission denied", "/data/rig.toml")

    with pytest.raises(SessionError, match=r"permission denied: /data/rig\.toml .*\n.*allow it"):
        go(session, with_run("calibrate", work))


@pytest.mark.parametrize("root", [None, Path("nowhere")])
def test_a_full_disk_is_explained_where_there_is_no_session(root):
    with pytest.raises(SessionError, match="the disk is full; finished"), explain_disk_errors(root):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_lock_without_a_name(session, monkeypatch):
    def full(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with session.lock():
        pass
    monkeypatch.setattr(lock, "atomic_write", full)
    with session.lock(), pytest.raises(SessionError, match="it has not said which process it is"):
        go(Session.open(session.root))


def test_other_system_errors_pass_unchanged(session):
    def work(context):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        go(session, with_run("calibrate", work))


def test_a_second_run_is_refused_while_one_works(session):
    with Session.open(session.root).lock(), pytest.raises(SessionError, match="another gentri"):
        go(session)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_terminated_run_ends_in_order_and_keeps_its_chunks(tmp_path, videos, number):
    root = tmp_path / "session"
    script = [sys.executable, toy_stages.__file__, str(root), "1.0", "0.05"]
    with subprocess.Popen([*script, *map(str, videos.values())], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        while not any(root.glob(".gentri/work/detect/*/_parts/*/*.txt")):
            time.sleep(0.005)
        process.send_signal(number)
        assert process.wait() == 130
    session = Session.open(root)
    assert states(session)[1] == "partial"
    assert go(session)["detect"] == "ran"
