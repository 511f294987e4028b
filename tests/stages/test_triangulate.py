import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import tomlkit

import gentri
from gentri.data import Detections, Keypoints2D, Poses3D, Rig
from gentri.errors import CalibrationError, InputError
from gentri.people.subject import Subject
from gentri.pipeline.given import NOTHING_GIVEN
from gentri.pipeline.stage import Context, Runtime
from gentri.stages.triangulate import STAGE, TriangulateParams
from gentri.synthetic import camera_ring, degrade, observe, walk


class Recorder:
    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []

    def advance(self, done: int, total: int, unit: str) -> None:
        self.steps.append((done, total, unit))

    def say(self, text: str) -> None:
        pass


def default_params(**changes: Any) -> TriangulateParams:
    text = (Path(gentri.__file__).parent / "configs" / "default.toml").read_text(encoding="utf-8")
    return TriangulateParams(**{**tomlkit.parse(text).unwrap()["triangulate"], **changes})


def context_of(folder: Path, rig: Rig, seen: Keypoints2D, **changes: Any) -> Context:
    """Write what the stages before would have published for one person."""
    inputs = {name: folder / name for name in STAGE.needs}
    for path in (*inputs.values(), folder / "out"):
        path.mkdir(parents=True)
    rig.save(inputs["calibrate"] / "rig.toml")
    ticks = len(seen.time_s)
    slots = (np.zeros(ticks, dtype=np.int32),) * len(seen.cameras)
    frame_s = (seen.time_s,) * len(seen.cameras)
    Subject(seen.cameras, slots, frame_s, seen.time_s).save(inputs["calibrate"] / "subject.npz")
    for c, name in enumerate(seen.cameras):
        Detections(
            seen.xy_px[c][:, None],
            seen.score[c][:, None],
            np.zeros((ticks, 1, 4), np.float32),
            np.zeros((ticks, 1), np.int32),
            1920,
            1080,
            seen.skeleton,
        ).save(inputs["detect"] / f"{name}.npz")
    return Context(
        default_params(**changes),
        folder / "out",
        inputs,
        cast(Any, SimpleNamespace(given=NOTHING_GIVEN)),
        Runtime(),
        Recorder(),
    )


def scene(ticks=40, **faults):
    rng = np.random.default_rng(0)
    rig, motion = camera_ring(4, radius_m=(4, 5, 6, 5)), walk(rng, ticks)
    return rig, motion, degrade(observe(rig, motion), rng, **faults)


def test_writes_poses_and_metrics(tmp_path):
    rig, motion, seen = scene(noise_px=2.0, outliers=0.05)
    context = context_of(tmp_path, rig, seen)
    metrics = STAGE.run(context)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["poses3d.npz"]
    poses = Poses3D.load(tmp_path / "out" / "poses3d.npz")
    assert poses.cameras == rig.names
    assert np.array_equal(poses.time_s, motion.time_s)
    error = np.linalg.norm(poses.xyz[:, 0] - motion.xyz, axis=-1)
    assert np.nanmedian(error) < 0.015
    json.dumps(metrics, allow_nan=False)
    assert metrics["poor"] == []
    assert metrics["ticks"] == metrics["ticks_seen_by_two_cameras"] == 40
    assert metrics["body_joints_triangulated_percent"] > 98
    assert 1.5 < metrics["reproj_median_px"] < 3.0
    assert metrics["reproj_median_mrad"] == pytest.approx(
        metrics["reproj_median_px"] / 1.2, rel=0.01
    )
    assert 0 < metrics["limb_length_variation_robust_percent"] < 3
    assert 0 < metrics["limb_length_variation_percent"] < 3
    assert 1 < metrics["foreseen_error_median_mm"] < 15
    assert 3.5 < metrics["views_per_joint"] <= 4
    assert set(metrics["agreement"]) == set(rig.names)
    assert context.progress.steps[-1] == (40, 40, "frames")


def test_same_input_same_bytes(tmp_path):
    rig, _, seen = scene(noise_px=2.0, outliers=0.05)
    written = []
    for name in ("a", "b"):
        STAGE.run(context_of(tmp_path / name, rig, seen))
        written.append((tmp_path / name / "out" / "poses3d.npz").read_bytes())
    assert written[0] == written[1]


def test_low_scores_are_ignored(tmp_path):
    rig, _, seen = scene()
    seen.score[2, :, 5] = 0.05
    STAGE.run(context_of(tmp_path, rig, seen, min_score=0.1))
    poses = Poses3D.load(tmp_path / "out" / "poses3d.npz")
    assert not poses.used[:, 0, 5, 2].any()
    assert poses.used[:, 0, 6, 2].all()


def test_a_camera_in_the_wrong_place_is_named(tmp_path):
    rig, _, seen = scene()
    wrong = camera_ring(4, radius_m=(4, 5, 6, 5), start_deg=50.0).cameras[1]
    broken = Rig((rig.cameras[0], wrong, *rig.cameras[2:]), "given", 0.0)
    reasons = STAGE.run(context_of(tmp_path, broken, seen))["poor"]
    assert len(reasons) == 1
    assert "cam1" in reasons[0]


def test_wandering_limbs_are_poor(tmp_path):
    rig, _, seen = scene(noise_px=60.0)
    reasons = STAGE.run(context_of(tmp_path, rig, seen, method="weighted"))["poor"]
    assert any("limbs" in r for r in reasons)
    assert any("mrad" in r for r in reasons)


def test_few_triangulated_joints_are_poor(tmp_path):
    rig, _, seen = scene()
    seen.xy_px[1:, :30, 3:] = np.nan
    metrics = STAGE.run(context_of(tmp_path, rig, seen))
    assert metrics["body_joints_triangulated_percent"] == 25
    assert "25 %" in metrics["poor"][0]


def test_empty_ticks_do_not_count_against_the_result(tmp_path):
    rig, _, seen = scene()
    seen.xy_px[:, :30] = np.nan
    metrics = STAGE.run(context_of(tmp_path, rig, seen))
    assert metrics["ticks_seen_by_two_cameras"] == 10
    assert metrics["body_joints_triangulated_percent"] == 100


def test_cameras_that_never_share_a_moment_are_refused(tmp_path):
    rig, _, seen = scene()
    for c in range(4):
        seen.xy_px[c, np.arange(40) % 4 != c] = np.nan
    with pytest.raises(InputError, match=r"same time \(of 40 frames: cam0 10, cam1 10"):
        STAGE.run(context_of(tmp_path, rig, seen))
    assert not list((tmp_path / "out").iterdir())


def test_views_that_agree_nowhere_are_refused(tmp_path):
    rig, _, seen = scene()
    seen.xy_px[2:] = np.nan
    seen.xy_px[1, ..., 1] += 5000.0
    with pytest.raises(CalibrationError, match="agree nowhere"):
        STAGE.run(context_of(tmp_path, rig, seen))
