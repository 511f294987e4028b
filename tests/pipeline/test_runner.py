import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import toy_stages
from toy_stages import STAGES, settings

from gentri.errors import SessionError, UsageError
from gentri.pipeline import runner
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.plan import plan
from gentri.pipeline.receipt import Receipt
from gentri.pipeline.runner import Outcome, Silent, clean, run
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Runtime

NAMES = ["frames", "detect", "calibrate", "triangulate"]


def go(session, stages=STAGES, force=(), until=None, **changed) -> dict[str, str]:
    """Run. Returns stage → action."""
    outcomes = run(
        stages, session, settings(**changed), Runtime(), Silent(), force=force, until=until
    )
    return {o.stage: o.action for o in outcomes}


def states(session, **changed) -> list[str]:
    return [str(p.state) for p in plan(STAGES, session, settings(**changed), verify=True)]


def with_run(name, work):
    """The toy stages with another function behind one of them."""
    return tuple(replace(s, run=work) if s.name == name else s for s in STAGES)


def after_chunks(count, error):
    """A detect stage that raises once so many chunks are finished."""

    def work(context):
        class Counting(Silent):
            left = count

            def advance(self, done, total, unit):
                self.left -= 1
                if not self.left:
                    raise error

        return toy_stages.run_detect(replace(context, progress=Counting()))

    return with_run("detect", work)


def contents(root: Path) -> dict[str, bytes]:
    """Every published file but the receipts, which tell times."""
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for name in NAMES
        for p in sorted((root / name).rglob("*"))
        if p.is_file() and p.name != "stage.json"
    }


def test_a_second_run_does_nothing(session, work_log):
    assert go(session) == dict.fromkeys(NAMES, "ran")
    work_log()
    assert go(session) == dict.fromkeys(NAMES, "kept")
    assert work_log() == []


def test_a_changed_parameter_runs_only_what_follows(session):
    go(session)
    assert go(session, ransac_px=2.0) == {
        "frames": "kept",
        "detect": "kept",
        "calibrate": "ran",
        "triangulate": "ran",
    }


def test_published_folders_hold_the_result_and_nothing_else(session):
    go(session)
    assert {p.name for p in (session.root / "detect").iterdir()} == {
        "cam0.txt",
        "cam1.txt",
        "cam2.txt",
        "stage.json",
    }
    assert sorted(p.name for p in session.root.iterdir()) == sorted(
        [*NAMES, "session.toml", ".gentri"]
    )
    assert not any(session.work.rglob("*.txt"))


def test_the_receipt_tells_how_a_result_was_made(session):
    run(STAGES, session, settings(), Runtime("cpu", 4, 2), Silent())
    receipt = json.loads((session.root / "triangulate" / "stage.json").read_text())
    assert receipt["recipe"]["params"] == {"hypotheses": 200, "span": [0, 9]}
    assert receipt["runtime"] == {"device": "cpu", "batch_size": 4, "workers": 2}
    assert receipt["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert [o["path"] for o in receipt["outputs"]] == ["poses3d.txt"]
    calibrate = json.loads((session.root / "calibrate" / "stage.json").read_text())
    assert calibrate["metrics"] == {"median_px": 0.4, "spread": None}


def test_kept_results_tell_their_metrics(session):
    go(session)
    kept = run(STAGES, session, settings(), Runtime(), Silent())
    assert kept[0] == Outcome("frames", "kept", {"ticks": toy_stages.TICKS}, 0.0)


def test_the_reporter_hears_of_every_stage(session):
    heard = []

    class Listening(Silent):
        def stage_started(self, plan):
            heard.append(("started", plan.stage.name))

        def stage_finished(self, outcome):
            heard.append((outcome.action, outcome.stage))

    run(STAGES, session, settings(), Runtime(), Silent(), until="calibrate")
    run(STAGES, session, settings(), Runtime(), Listening())
    assert heard == [
        ("kept", "frames"),
        ("kept", "detect"),
        ("kept", "calibrate"),
        ("started", "triangulate"),
        ("ran", "triangulate"),
    ]


def test_until_leaves_the_rest(session):
    assert list(go(session, until="detect")) == ["frames", "detect"]
    assert states(session) == ["fresh", "fresh", "missing", "missing"]


def test_force_does_again_only_what_is_named(session, work_log):
    go(session)
    before, _ = contents(session.root), work_log()
    assert go(session, force={"detect"})["detect"] == "ran"
    assert len(work_log()) == 18  # every chunk, and no other stage
    assert contents(session.root) == before


def test_force_must_name_a_stage_of_the_run(session):
    with pytest.raises(UsageError, match=r"unknown stage to force: detekt\n.*detect"):
        go(session, force={"detekt"})
    with pytest.raises(UsageError, match="unknown stage to force: triangulate"):
        go(session, force={"triangulate"}, until="detect")
    assert not (session.root / "frames").exists()


def test_damaged_outputs_are_rebuilt_alone(session):
    go(session)
    before = contents(session.root)
    path = session.root / "detect" / "cam1.txt"
    path.write_bytes(path.read_bytes()[:100])
    assert go(session) == {**dict.fromkeys(NAMES, "kept"), "detect": "ran"}
    assert contents(session.root) == before


def test_a_stage_rebuilt_with_other_content_runs_what_follows(session):
    go(session)

    def other(context):
        toy_stages.run_calibrate(context)
        with atomic_write(context.out / "rig.json") as temporary:
            temporary.write_text("other")
        return {}

    stages = with_run("calibrate", other)
    assert go(session, stages, force={"calibrate"}) == {
        "frames": "kept",
        "detect": "kept",
        "calibrate": "ran",
        "triangulate": "ran",
    }


def test_an_edited_video_runs_everything_again(session, videos):
    go(session)
    before = contents(session.root)
    videos["cam0"].write_bytes(os.urandom(2000))
    assert set(go(session).values()) == {"ran"}
    assert contents(session.root)["triangulate/poses3d.txt"] != before["triangulate/poses3d.txt"]


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


def test_a_complete_work_folder_that_lost_a_file_is_worked_on_again(session, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_publish", lambda *_: next(iter(())))
        with pytest.raises(StopIteration):
            go(session, until="frames")
    assert states(session)[0] == "complete-unpublished"
    (work,) = (session.work / "frames").iterdir()
    shutil.rmtree(work / "cam1")
    assert states(session)[0] == "partial"
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


def test_clean_removes_work_and_says_how_much(session):
    go(session)
    with pytest.raises(RuntimeError):
        go(session, after_chunks(4, RuntimeError()), scale=2.0)
    before = contents(session.root)
    kept = sum(p.stat().st_size for p in session.work.rglob("*.txt"))
    assert clean(session, STAGES) == kept > 0
    assert not session.work.exists()
    assert states(session) == ["fresh"] * 4
    assert contents(session.root) == before
    assert clean(session, STAGES) == 0


def test_clean_of_everything_leaves_sources_and_settings(session, videos):
    go(session)
    published = sum(p.stat().st_size for n in NAMES for p in (session.root / n).rglob("*.*"))
    settings_text = session.settings_file.read_text()
    assert clean(session, STAGES, published=True) == published
    assert states(session) == ["missing"] * 4
    assert session.settings_file.read_text() == settings_text
    assert all(p.exists() for p in videos.values())


def test_clean_waits_for_nobody(session):
    with Session.open(session.root).lock(), pytest.raises(SessionError, match="another gentri"):
        clean(session, STAGES)


def test_receipts_match_what_is_published(session):
    go(session)
    for name in NAMES:
        receipt = Receipt.load(session.root / name)
        assert {o.path for o in receipt.outputs} == {
            key.removeprefix(f"{name}/")
            for key in contents(session.root)
            if key.startswith(f"{name}/")
        }
