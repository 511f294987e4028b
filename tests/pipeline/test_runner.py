import json
import os
import sys
from dataclasses import replace

import pytest
import toy_stages
from toy_runs import NAMES, after_chunks, contents, go, states, with_run
from toy_stages import STAGES, settings

from gentri.errors import SessionError, UsageError
from gentri.pipeline.atomic import atomic_write
from gentri.pipeline.receipt import Receipt
from gentri.pipeline.runner import Outcome, Silent, clean, run
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Runtime


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


def test_what_can_be_refused_is_refused_before_the_first_stage(session, work_log):
    def check(session, params, runtime):
        asked.append((tuple(session.sources), params.ransac_px, runtime.device))
        if refuse:
            raise UsageError("no such camera", "look again")

    asked: list[tuple] = []
    refuse = True
    stages = (*STAGES[:2], replace(STAGES[2], check=check), STAGES[3])
    with pytest.raises(UsageError, match="no such camera"):
        run(stages, session, settings(), Runtime("cpu"), Silent())
    assert work_log() == []
    assert asked == [(("cam0", "cam1", "cam2"), 3.0, "cpu")]
    run(stages, session, settings(), Runtime(), Silent(), until="detect")
    assert len(asked) == 1  # what does not run is not looked at
    refuse = False
    run(stages, session, settings(), Runtime(), Silent())
    refuse = True
    run(stages, session, settings(), Runtime(), Silent())  # nor what is fresh
    with pytest.raises(UsageError):
        run(stages, session, settings(), Runtime(), Silent(), force=("calibrate",))
