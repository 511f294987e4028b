"""default.toml and the stages of the program."""

from dataclasses import MISSING, fields

import pytest
import tomlkit

from gentri.configs.settings import DEFAULTS_FILE, edit_settings, list_settings
from gentri.errors import UsageError
from gentri.stages import STAGES


def test_every_parameter_stands_once_with_a_comment():
    tables = tomlkit.parse(DEFAULTS_FILE.read_text(encoding="utf-8")).unwrap()
    assert {name: set(table) for name, table in tables.items()} == {
        stage.name: {f.name for f in fields(stage.params)} for stage in STAGES
    }
    without = [f"{s.stage}.{s.name}" for s in list_settings(STAGES) if not s.comment]
    assert not without


def test_params_have_no_defaults_of_their_own():
    own = [
        f"{stage.name}.{f.name}"
        for stage in STAGES
        for f in fields(stage.params)
        if f.default is not MISSING or f.default_factory is not MISSING
    ]
    assert not own


def test_every_stage_needs_only_stages_before_it():
    before: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= before
        before.add(stage.name)


OUT_OF_RANGE = {
    "frames.fps=0": "frames.fps: found 0.0, needed above 0",
    "frames.max_side_px=15": "frames.max_side_px: found 15, needed at least 16",
    "frames.jpeg_quality=101": "frames.jpeg_quality: found 101, needed 1 to 100",
    "frames.start_s=-1": "frames.start_s: found -1.0, needed at least 0",
    "frames.end_s=0": "frames.end_s: found 0.0, needed above start_s = 0.0",
    "frames.image_fps=0": "frames.image_fps: found 0.0, needed above 0",
    "detect.box_score_min=1.1": "detect.box_score_min: found 1.1, needed 0 to 1",
    "detect.pose_score_min=-1": "detect.pose_score_min: found -1.0, needed 0 to 1",
    "detect.people_max=0": "detect.people_max: found 0, needed at least 1",
    "detect.track_gap_s=-1": "detect.track_gap_s: found -1.0, needed at least 0",
    "calibrate.stature_m=178": "found 178.0, needed 0.5 to 2.5 metres; did you mean 1.78?",
    "calibrate.stature_m=0.4": "calibrate.stature_m: found 0.4, needed 0.5 to 2.5 metres\n",
    "calibrate.stature_m=300": "calibrate.stature_m: found 300.0, needed 0.5 to 2.5 metres\n",
    'calibrate.subject=["cam01"]': "calibrate.subject: found ('cam01',), needed CAMERA:TRACK",
    'calibrate.subject=[":2"]': "needed CAMERA:TRACK",
    'calibrate.subject=["a:2", "a:b"]': "needed CAMERA:TRACK",
    "calibrate.min_score=2": "calibrate.min_score: found 2.0, needed 0 to 1",
    "calibrate.frames=9": "calibrate.frames: found 9, needed at least 10",
    "calibrate.focal_prior=0": "calibrate.focal_prior: found 0.0, needed above 0",
    "calibrate.focal_sigma=0": "calibrate.focal_sigma: found 0.0, needed above 0",
    "calibrate.distortion_sigma=-1": "calibrate.distortion_sigma: found -1.0, needed at least 0",
    "calibrate.bone_sigma=-1": "calibrate.bone_sigma: found -1.0, needed at least 0",
    "calibrate.seed=-1": "calibrate.seed: found -1, needed at least 0",
    "triangulate.inlier_box_share=0": "triangulate.inlier_box_share: found 0.0, needed above 0",
    "triangulate.inlier_box_share=1.1": "needed above 0, at most 1",
    "triangulate.min_angle_deg=90": "triangulate.min_angle_deg: found 90.0, needed at least 0",
    "triangulate.min_score=-1": "triangulate.min_score: found -1.0, needed 0 to 1",
    "export.overlay_max_side_px=63": "export.overlay_max_side_px: found 63, needed at least 64",
}


@pytest.mark.parametrize("edit", OUT_OF_RANGE)
def test_a_value_out_of_range_is_refused_by_its_name(tmp_path, edit):
    key, _, value = edit.partition("=")
    with pytest.raises(UsageError) as refusal:
        edit_settings(STAGES, tmp_path / "session.toml", {key: value})
    assert OUT_OF_RANGE[edit] in str(refusal.value)
    assert "correct it in session.toml or with --set" in str(refusal.value)


@pytest.mark.parametrize(
    "edit",
    [
        "calibrate.stature_m=1.78",
        'calibrate.subject=["cam01:2", "a:b:3"]',
        "calibrate.distortion_sigma=0",
        "triangulate.inlier_box_share=1",
        "export.overlay_max_side_px=64",
    ],
)
def test_a_value_at_the_edge_of_its_range_serves(tmp_path, edit):
    key, _, value = edit.partition("=")
    edit_settings(STAGES, tmp_path / "session.toml", {key: value})
    assert (tmp_path / "session.toml").is_file()
