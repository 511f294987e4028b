import json
import os
import shutil
from dataclasses import replace

import pytest
from toy_stages import STAGES, settings

from gentri.errors import UsageError
from gentri.pipeline.plan import State, plan, stages_until
from gentri.pipeline.receipt import Receipt, contents_digest
from gentri.pipeline.runner import Silent, run
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Runtime


@pytest.fixture
def finished(session: Session) -> Session:
    """A session with every stage published."""
    run(STAGES, session, settings(), Runtime(), Silent())
    return session


def states(session, stages=STAGES, verify=False, **changed) -> list[str]:
    return [str(p.state) for p in plan(stages, session, settings(**changed), verify=verify)]


def reasons(session, stages=STAGES, **changed) -> list[tuple[str, ...]]:
    return [p.reasons for p in plan(stages, session, settings(**changed))]


def rewrite(path, change) -> None:
    path.write_text(change(path.read_text()))


def test_nothing_is_there_at_first_and_planning_writes_no_result(session):
    assert states(session) == ["missing"] * 4
    assert {p.name for p in session.root.iterdir()} == {"session.toml", ".gentri"}
    assert not session.work.exists()


def test_everything_is_fresh_after_a_run(finished):
    assert states(finished) == ["fresh"] * 4
    assert reasons(finished) == [()] * 4


def test_a_changed_parameter_is_named_and_reaches_only_what_follows(finished):
    assert states(finished, ransac_px=2.0) == ["fresh", "fresh", "stale", "stale"]
    assert reasons(finished, ransac_px=2.0)[2:] == [
        ("params.ransac_px: 3.0 → 2.0",),
        ("needs.calibrate: stale (params.ransac_px: 3.0 → 2.0)",),
    ]


def test_a_new_version_of_a_stage_reaches_what_follows(finished):
    stages = (STAGES[0], replace(STAGES[1], version=2), *STAGES[2:])
    assert states(finished, stages) == ["fresh", "stale", "stale", "stale"]
    assert reasons(finished, stages)[1] == ("version: 1 → 2",)


def test_a_touched_video_is_fresh_and_an_edited_one_stale(finished, videos):
    os.utime(videos["cam1"])
    assert states(finished) == ["fresh"] * 4
    videos["cam1"].write_bytes(os.urandom(2000))
    assert states(finished) == ["stale"] * 4
    assert reasons(finished)[:2] == [
        ("sources changed: cam1",),
        ("needs.frames: stale (sources changed: cam1)",),
    ]


def test_a_moved_session_is_fresh(finished, tmp_path):
    shutil.move(finished.root, tmp_path / "deep" / "er")
    assert states(Session.open(tmp_path / "deep" / "er")) == ["fresh"] * 4


def test_a_session_moved_with_its_videos_is_fresh(finished, tmp_path):
    (tmp_path / "new").mkdir()
    shutil.move(finished.root, tmp_path / "new" / "session")
    shutil.move(tmp_path / "videos", tmp_path / "new" / "videos")
    assert states(Session.open(tmp_path / "new" / "session")) == ["fresh"] * 4


def test_another_order_of_the_cameras_is_another_result(finished):
    names = list(finished.sources)
    turned = Session(finished.root, {n: finished.sources[n] for n in reversed(names)})
    assert states(turned) == ["stale"] * 4
    assert reasons(turned)[0] == ("sources: [cam0, cam1, cam2] → [cam2, cam1, cam0]",)
    before = (finished.root / "triangulate" / "poses3d.txt").read_text()
    run(STAGES, turned, settings(), Runtime(), Silent())
    assert (finished.root / "triangulate" / "poses3d.txt").read_text() != before


def test_truncated_and_absent_outputs_are_damaged(finished):
    rewrite(finished.root / "detect" / "cam1.txt", lambda text: text[:-1])
    (finished.root / "triangulate" / "poses3d.txt").unlink()
    assert states(finished) == ["fresh", "damaged", "fresh", "damaged"]
    _, detect, calibrate, triangulate = reasons(finished)
    assert detect == ("cam1.txt: 3118 bytes, needed 3119",)
    assert calibrate == ("needs.detect: damaged",)
    assert triangulate == ("poses3d.txt: missing",)


def test_other_content_of_the_same_size_is_found_by_verifying(finished):
    rewrite(finished.root / "detect" / "cam1.txt", str.upper)
    assert states(finished) == ["fresh"] * 4
    assert states(finished, verify=True) == ["fresh", "damaged", "fresh", "fresh"]


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"outputs": [{"path": 1}]}', "\udcff"])
def test_a_broken_receipt_is_damage(finished, text):
    (finished.root / "detect" / "stage.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert states(finished) == ["fresh", "damaged", "fresh", "fresh"]


def test_a_removed_stage_is_missing_and_what_was_made_from_it_stands(finished):
    shutil.rmtree(finished.root / "frames")
    assert states(finished) == ["missing", "fresh", "fresh", "fresh"]
    assert reasons(finished)[1] == ("needs.frames: missing",)


def test_a_result_made_again_with_other_content_makes_the_next_stale(finished):
    folder = finished.root / "calibrate"
    rewrite(folder / "rig.json", str.upper)
    receipt = Receipt.load(folder)
    outputs = (receipt.outputs[0]._replace(sha256="0" * 64),)
    replace(receipt, outputs=outputs, contents=contents_digest(outputs)).save(folder)
    assert states(finished) == ["fresh", "fresh", "fresh", "stale"]
    assert reasons(finished)[3] == ("needs.calibrate: made again, with other content",)


def test_every_receipt_is_read_once(finished, monkeypatch):
    read = []
    load = Receipt.load
    monkeypatch.setattr(Receipt, "load", lambda folder: read.append(folder.name) or load(folder))
    assert states(finished) == ["fresh"] * 4
    assert read == [stage.name for stage in STAGES]
    read.clear()
    run(STAGES, finished, settings(), Runtime(), Silent())
    assert read == [stage.name for stage in STAGES]


def test_a_stage_of_an_older_program_says_what_is_new(finished):
    path = finished.root / "triangulate" / "stage.json"

    def age(text: str) -> str:
        receipt = json.loads(text)
        del receipt["recipe"]["params"]["hypotheses"]
        return json.dumps({**receipt, "fingerprint": "old"})

    rewrite(path, age)
    assert reasons(finished)[3] == ("params.hypotheses: absent → 200",)


def test_speed_settings_are_no_part_of_the_recipe(finished):
    outcomes = run(STAGES, finished, settings(), Runtime("cuda", 64, 8), Silent())
    assert {o.action for o in outcomes} == {"kept"}


def test_until_ends_the_pipeline_and_refuses_unknown_names():
    assert [s.name for s in stages_until(STAGES, "detect")] == ["frames", "detect"]
    assert stages_until(STAGES, None) == STAGES
    with pytest.raises(UsageError, match=r"unknown stage: calibrat\n.*did you mean calibrate"):
        stages_until(STAGES, "calibrat")


def test_states_print_as_their_words():
    assert [str(s) for s in State] == [
        "fresh",
        "missing",
        "stale",
        "damaged",
        "partial",
        "complete-unpublished",
    ]
