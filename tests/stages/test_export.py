import gc
import json
import weakref
from pathlib import Path
from typing import Any, get_args

import av
import cv2
import numpy as np
import pytest

from gentri.data import Camera, Detections, Poses3D, Rig, Rigid3, Timeline
from gentri.geometry.cameras import project
from gentri.media.painter import CameraView
from gentri.pipeline.stage import Context, Runtime
from gentri.rigs.formats import WRITERS, read_rig
from gentri.skeletons import COCO17
from gentri.stages import export as export_stage
from gentri.stages.export import STAGE, ExportParams, Format, camera_view

SIZE = (160, 120)
ALL = ExportParams(("npz", "csv", "trc", "rig", "pose2sim"), True, 160)


class Recorder:
    """Progress that remembers, and fails where a test wants the run to break off."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.counts: list[tuple[int, int]] = []
        self.lines: list[str] = []
        self.fail_after = fail_after

    def advance(self, done: int, total: int, unit: str) -> None:
        self.counts.append((done, total))
        if self.fail_after is not None and done > self.fail_after:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        self.lines.append(text)


def make_camera(name: str, azimuth: float) -> Camera:
    """A camera 4 m from the person's chest, level with it."""
    forward = -np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    right = np.cross(forward, [0, 0, 1.0])
    R = np.stack([right, np.cross(forward, right), forward])
    center = np.array([0, 0, 1.0]) - 4 * forward
    K = np.array([[150.0, 0, 79.5], [0, 150.0, 59.5], [0, 0, 1]])
    return Camera(name, *SIZE, K, np.zeros(5), Rigid3(R, -R @ center), "estimated")


def make_inputs(
    root: Path, names: tuple[str, ...] = ("one", "two"), ticks: int = 5, people: int = 1
) -> dict[str, Path]:
    """What the earlier stages publish: people on the spot, a bystander in the last slot."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.2, (17, 3)) + np.linspace([0, 0, 1.7], [0, 0, 0.1], 17)
    offset = np.array([[0.7 * p, -0.7 * p, 0] for p in range(people)])
    xyz = np.tile((body + offset[:, None]).astype(np.float32), (ticks, 1, 1, 1))
    rig = Rig(tuple(make_camera(n, i * 1.2) for i, n in enumerate(names)), "given", 0.0)
    inputs = {stage: root / stage for stage in STAGE.needs}
    for folder in inputs.values():
        folder.mkdir(parents=True)
    time_s = np.arange(ticks) / 30
    shape = xyz.shape[:3]
    Poses3D(
        xyz,
        np.ones(shape, np.float32),
        np.ones(shape, np.float32),
        np.ones((*shape, len(names)), bool),
        np.full(shape, 0.02, np.float32),
        time_s,
        names,
        COCO17,
    ).save(inputs["triangulate"] / "poses3d.npz")
    rig.save(inputs["calibrate"] / "rig.toml")
    sizes = np.tile(np.array(SIZE, np.int32), (len(names), 1))
    Timeline(names, tuple(time_s for _ in names), sizes).save(inputs["frames"] / "timeline.npz")
    for camera in rig.cameras:
        save_camera(inputs, camera, xyz)
    return inputs


def save_camera(inputs: dict[str, Path], camera: Camera, xyz: np.ndarray) -> None:
    """Grey frames, exact detections of everyone in 3D, 2 px off, and of one who is not."""
    seen = project(camera, xyz) + np.array([2.0, 0.0])
    bystander = project(camera, xyz[:, :1]) * 0.3
    xy = np.concatenate([seen, bystander], axis=1).astype(np.float32)
    Detections(
        xy,
        np.ones(xy.shape[:3], np.float32),
        np.zeros((*xy.shape[:2], 4), np.float32),
        np.tile(np.arange(xy.shape[1], dtype=np.int32), (len(xy), 1)),
        *SIZE,
        COCO17,
    ).save(inputs["detect"] / f"{camera.name}.npz")
    folder = inputs["frames"] / camera.name
    folder.mkdir()
    grey = cv2.imencode(".jpg", np.full((SIZE[1], SIZE[0], 3), 60, np.uint8))[1].tobytes()
    for t in range(len(xyz)):
        (folder / f"{t:06d}.jpg").write_bytes(grey)


def export(
    inputs: dict[str, Path],
    out: Path,
    params: ExportParams = ALL,
    progress: Recorder | None = None,
    workers: int = 0,
) -> dict:
    out.mkdir(exist_ok=True)
    runtime = Runtime(workers=workers)
    context = Context(params, out, inputs, None, runtime, progress or Recorder())  # type: ignore[arg-type]
    return STAGE.run(context)


def contents(out: Path) -> dict[str, bytes]:
    files = (p for p in sorted(out.rglob("*")) if p.is_file())
    published = (p for p in files if "_parts" not in p.parts)
    return {str(p.relative_to(out)): p.read_bytes() for p in published}


def test_metrics_name_every_file_and_are_json(tmp_path: Path) -> None:
    metrics = export(make_inputs(tmp_path), tmp_path / "out")
    assert set(metrics["files"]) == set(contents(tmp_path / "out"))
    assert set(metrics["files"]) == {
        "poses3d.npz", "poses3d.csv", "poses3d_person0.trc", "rig.toml", "Calib.toml",
        "overlay/one.mp4", "overlay/two.mp4",
    }  # fmt: skip
    assert json.loads(json.dumps(metrics)) == metrics


def test_metrics_state_how_far_2d_and_3d_are_apart(tmp_path: Path) -> None:
    metrics = export(make_inputs(tmp_path), tmp_path / "out")
    assert metrics["reproj_px"] == pytest.approx({"one": 2.0, "two": 2.0}, abs=1e-3)


def test_who_is_not_in_3d_is_a_bystander(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path, people=2)
    poses = Poses3D.load(inputs["triangulate"] / "poses3d.npz")
    rig = Rig.load(inputs["calibrate"] / "rig.toml")
    detections = Detections.load(inputs["detect"] / "two.npz")
    view = camera_view(rig.cameras[1], detections, poses, poses.time_s)
    assert view.is_bystander.tolist() == [[False, False, True]] * 5


def test_a_camera_of_another_rate_shows_the_nearest_tick(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path, ticks=5)
    poses = Poses3D.load(inputs["triangulate"] / "poses3d.npz")
    poses.xyz[..., 2] += 0.01 * np.arange(5, dtype=np.float32)[:, None, None]
    rig = Rig.load(inputs["calibrate"] / "rig.toml")
    detections = Detections.load(inputs["detect"] / "one.npz")
    times = np.array([0.0, 0.034, 0.06, 0.13, 1.0])
    view = camera_view(rig.cameras[0], detections, poses, times)
    expected = project(rig.cameras[0], poses.xyz[[0, 1, 2, 4]])
    np.testing.assert_allclose(view.reprojected_px[:4], expected, rtol=1e-6)
    assert np.isnan(view.reprojected_px[4]).all()


def test_cameras_are_held_one_per_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[CameraView]] = []
    build = export_stage.camera_view

    def counted(*arguments: Any) -> CameraView:
        gc.collect()
        assert not [view for view in made if view() is not None]
        view = build(*arguments)
        assert {view.detected_px.dtype, view.reprojected_px.dtype} == {np.dtype("float32")}
        made.append(weakref.ref(view))
        return view

    monkeypatch.setattr(export_stage, "camera_view", counted)
    export(make_inputs(tmp_path, names=("one", "two", "three")), tmp_path / "out", workers=1)
    assert len(made) == 3


def test_blocks_of_frames_do_not_change_the_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = make_inputs(tmp_path, ticks=7, people=2)
    poses = Poses3D.load(inputs["triangulate"] / "poses3d.npz")
    rig = Rig.load(inputs["calibrate"] / "rig.toml")
    detections = Detections.load(inputs["detect"] / "one.npz")
    times = np.concatenate([[-1.0], poses.time_s, [9.0]])[: len(detections.track)]
    whole = camera_view(rig.cameras[0], detections, poses, times)
    monkeypatch.setattr(export_stage, "_BLOCK_FRAMES", 2)
    blocks = camera_view(rig.cameras[0], detections, poses, times)
    for name in ("reprojected_px", "distance_px", "is_bystander"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(blocks, name))
    assert whole.is_bystander[0].all() and not whole.is_bystander[1].all()


def test_metrics_need_no_video(tmp_path: Path) -> None:
    metrics = export(make_inputs(tmp_path), tmp_path / "out", ExportParams((), False, 160))
    assert metrics == {"files": {}, "reproj_px": pytest.approx({"one": 2, "two": 2}, abs=1e-3)}


def test_a_kill_while_videos_are_moved_into_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = make_inputs(tmp_path)
    export(inputs, tmp_path / "unbroken")
    out, publish = tmp_path / "broken", export_stage._publish

    def killed(context: Context, name: str) -> None:
        if name == "two":
            raise KeyboardInterrupt
        publish(context, name)

    monkeypatch.setattr(export_stage, "_publish", killed)
    with pytest.raises(KeyboardInterrupt):
        export(inputs, out)
    monkeypatch.undo()
    progress = Recorder()
    export(inputs, out, progress=progress)
    assert progress.counts == [(5, 10), (10, 10)]  # nothing is encoded again
    assert contents(out) == contents(tmp_path / "unbroken")


def test_npz_and_rig_are_copies(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    export(inputs, tmp_path / "out")
    for stage, name in (("triangulate", "poses3d.npz"), ("calibrate", "rig.toml")):
        assert (tmp_path / "out" / name).read_bytes() == (inputs[stage] / name).read_bytes()


def test_only_what_is_asked_for_is_written(tmp_path: Path) -> None:
    export(make_inputs(tmp_path), tmp_path / "out", ExportParams(("csv",), False, 160))
    assert list(contents(tmp_path / "out")) == ["poses3d.csv"]


def test_rigs_for_every_program(tmp_path: Path) -> None:
    rigs = set(get_args(Format)) - {"npz", "csv", "trc", "rig"}
    assert rigs == set(WRITERS)
    inputs, out = make_inputs(tmp_path), tmp_path / "out"
    files = export(inputs, out, ExportParams(tuple(sorted(rigs)), False, 160))["files"]  # type: ignore[arg-type]
    assert set(files) == {str(Path(name).as_posix()) for name in contents(out)}
    rig = Rig.load(inputs["calibrate"] / "rig.toml")
    for writer in WRITERS.values():
        assert read_rig(out / writer.target).names == rig.names


def test_several_people_get_a_trc_each(tmp_path: Path) -> None:
    files = export(make_inputs(tmp_path, people=2), tmp_path / "out")["files"]
    assert {"poses3d_person0.trc", "poses3d_person1.trc"} < set(files)


def test_overlays_have_the_frames_and_rate_of_their_camera(tmp_path: Path) -> None:
    export(make_inputs(tmp_path, ticks=6), tmp_path / "out")
    for name in ("one", "two"):
        with av.open(str(tmp_path / "out" / "overlay" / f"{name}.mp4")) as video:
            assert video.streams.video[0].average_rate == 30
            assert sum(1 for _ in video.decode(video=0)) == 6


@pytest.mark.parametrize("name", ["Süd 東 %06d", "-y", "a:b'c\"", ".. x"])
def test_hostile_camera_names(tmp_path: Path, name: str) -> None:
    export(make_inputs(tmp_path, names=("one", name)), tmp_path / "out")
    with av.open(f"file:{tmp_path}/out/overlay/{name}.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) == 5


@pytest.mark.parametrize("ticks", [0, 1])
def test_hardly_any_ticks(tmp_path: Path, ticks: int) -> None:
    metrics = export(make_inputs(tmp_path, ticks=ticks), tmp_path / "out")
    assert set(metrics["files"]) == set(contents(tmp_path / "out"))
    assert ("poses3d_person0.trc" in metrics["files"]) == bool(ticks)
    assert ("overlay/one.mp4" in metrics["files"]) == bool(ticks)


def test_progress_counts_all_frames_of_all_cameras(tmp_path: Path) -> None:
    progress = Recorder()
    export(make_inputs(tmp_path), tmp_path / "out", progress=progress)
    assert progress.counts == [(i, 10) for i in range(1, 11)]


def test_irregular_stamps_are_said(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    poses = Poses3D.load(inputs["triangulate"] / "poses3d.npz")
    poses.time_s[:] = [0, 1 / 30, 2 / 30, 20 / 30, 21 / 30]
    poses.save(inputs["triangulate"] / "poses3d.npz")
    progress = Recorder()
    metrics = export(inputs, tmp_path / "out", progress=progress)
    assert any("irregular" in line for line in progress.lines)
    assert metrics["reproj_px"]["one"] == pytest.approx(2.0, abs=1e-3)


def test_an_interrupted_export_goes_on_with_its_finished_videos(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    export(inputs, tmp_path / "unbroken")
    out = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        export(inputs, out, progress=Recorder(fail_after=7), workers=1)
    parts = out / "_parts"
    assert [p.name for p in parts.iterdir()] == ["one.mp4"]
    finished = (parts / "one.mp4").stat()

    progress = Recorder()
    export(inputs, out, progress=progress)
    again = (out / "overlay" / "one.mp4").stat()  # moved, not copied
    assert not list(parts.glob("*.mp4"))
    assert (again.st_ino, again.st_mtime_ns) == (finished.st_ino, finished.st_mtime_ns)
    assert (5, 10) in progress.counts  # the finished video counts at once
    assert progress.counts[-1] == (10, 10)
    assert contents(out) == contents(tmp_path / "unbroken")


def test_the_number_of_workers_does_not_change_the_bytes(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    export(inputs, tmp_path / "a", workers=1)
    export(inputs, tmp_path / "b", workers=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
