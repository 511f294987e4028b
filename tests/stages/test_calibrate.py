"""calibrate: lenses, takes, worlds and rigs from elsewhere, what it reports and what it refuses."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import tomlkit

import gentri
from gentri import synthetic
from gentri.data import Detections, Keypoints2D, Rig, Rigid3, Timeline
from gentri.errors import CalibrationError, GentriError, InputError, SessionError, UsageError
from gentri.geometry.comparison import compare_rigs
from gentri.people.subject import Subject
from gentri.pipeline.given import Given
from gentri.pipeline.session import Session
from gentri.pipeline.stage import Context, Runtime
from gentri.rigs import lens_tables, native, opencv
from gentri.rigs.formats import WRITERS, read_rig
from gentri.rigs.values import intrinsics_of
from gentri.skeletons import COCO17
from gentri.stages.calibrate import STAGE, CalibrateParams

NOTHING_GIVEN = Given()
DEFAULTS = Path(gentri.__file__).parent / "configs" / "default.toml"


class Recorder:
    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, done: int, total: int, unit: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.said.append(text)


def params(**changes: Any) -> CalibrateParams:
    """Few frames, to be quick."""
    table = tomlkit.parse(DEFAULTS.read_text(encoding="utf-8")).unwrap()["calibrate"]
    return CalibrateParams(**{**table, "subject": (), "frames": 30, **changes})


def detections_of(seen: Keypoints2D, camera: int) -> Detections:
    ticks = len(seen.time_s)
    width, height = (int(n) for n in seen.size_px[camera])
    return Detections(
        seen.xy_px[camera][:, None],
        seen.score[camera][:, None],
        np.concatenate([np.nanmin(seen.xy_px[camera], 1), np.nanmax(seen.xy_px[camera], 1)], 1)[
            :, None
        ],
        np.zeros((ticks, 1), np.int32),
        width,
        height,
        seen.skeleton,
    )


def context_of(
    folder: Path, seen: Keypoints2D, given: Given = NOTHING_GIVEN, **changes: Any
) -> Context:
    """Write what the stages before would have published for one person."""
    inputs = {name: folder / name for name in STAGE.needs}
    for path in (*inputs.values(), folder / "out"):
        path.mkdir(parents=True, exist_ok=True)
    times = (seen.time_s,) * len(seen.cameras)
    Timeline(seen.cameras, times, seen.size_px).save(inputs["frames"] / "timeline.npz")
    for c, name in enumerate(seen.cameras):
        detections_of(seen, c).save(inputs["detect"] / f"{name}.npz")
    session = Session(folder, {}, given)
    return Context(params(**changes), folder / "out", inputs, session, Runtime(), Recorder())


def scene(
    seed: int = 0, ticks: int = 80, takes: int = 1, noise_px: float = 2.0, cameras: int = 3
) -> tuple[Rig, list[Keypoints2D]]:
    """A rig, and noisy takes in front of it."""
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, cameras, arc_deg=150.0)
    seen = [synthetic.observe(rig, synthetic.walk(rng, ticks)) for _ in range(takes)]
    return rig, [synthetic.degrade(s, rng, noise_px=noise_px) for s in seen]


def take_of(folder: Path, seen: Keypoints2D) -> Path:
    """A session that is calibrated, as far as other sessions read it."""
    context = context_of(folder, seen)
    (folder / "session.toml").write_text("[sources]\n")
    (folder / "calibrate").mkdir()
    slots = (np.zeros(len(seen.time_s), dtype=np.int32),) * len(seen.cameras)
    times = (seen.time_s,) * len(seen.cameras)
    subject = Subject(seen.cameras, slots, times, seen.time_s)
    subject.save(folder / "calibrate" / "subject.npz")
    return context.out.parent


def said(context: Context) -> str:
    return "\n".join(cast(Recorder, context.progress).said)


def refusal(context: Context, kind: type[GentriError] = InputError) -> str:
    with pytest.raises(kind) as caught:
        STAGE.run(context)
    return str(caught.value)


def positions(path: Path, rig: Rig, names: Sequence[str] = ()) -> Path:
    lines = [
        f"[{c.name}]\nposition_m = {c.center.tolist()}\n"
        for c in rig.cameras
        if c.name in (names or rig.names)
    ]
    path.write_text("".join(lines))
    return path


def test_given_metadata_and_unknown_lenses_in_one_rig(tmp_path: Path) -> None:
    """And a known world, in which the cameras are where they are."""
    rig, (seen,) = scene(cameras=4)
    lenses = {c.name: intrinsics_of(c) for c in rig.cameras}
    given = replace(lenses["cam1"], dist=np.array([1e-4, 0.0, 2e-4, 0.0, 0.0]))
    lens_tables.write({"Cam_01": given}, tmp_path / "lenses.toml")
    world = positions(tmp_path / "world.toml", rig)
    files = Given(intrinsics=tmp_path / "lenses.toml", world=world)
    context = context_of(tmp_path / "session", seen, files)
    told = replace(lenses["cam2"], source="metadata", focal_sigma=0.02)
    wrong = replace(
        lenses["cam1"],
        source="metadata",
        K=lenses["cam1"].K @ np.diag([2.0, 2.0, 1.0]),
        focal_sigma=0.02,
    )
    lens_tables.write({"cam1": wrong, "cam2": told}, context.inputs["frames"] / "lenses.toml")

    report = STAGE.run(context)

    found = Rig.load(context.out / "rig.toml")
    sources = [c.intrinsics_source for c in found.cameras]
    assert sources == ["estimated", "given", "metadata", "estimated"]
    assert [row["intrinsics_source"] for row in report["cameras"].values()] == sources
    np.testing.assert_allclose(found.cameras[1].K, given.K, rtol=1e-12)
    np.testing.assert_array_equal(found.cameras[1].dist, given.dist)
    focal = [c.K[0, 0] / t.K[0, 0] for c, t in zip(found.cameras, rig.cameras, strict=True)]
    np.testing.assert_allclose(focal, 1.0, atol=0.04)
    assert "names of lenses.toml: Cam_01 is cam1" in said(context)
    assert found.world_source == found.scale_source == "camera positions given"
    center = [c.center - t.center for c, t in zip(found.cameras, rig.cameras, strict=True)]
    assert np.linalg.norm(center, axis=-1).max() < 0.1
    assert 0 < report["world"]["residual_mm"] < 100
    files = report.pop("files")
    assert all((context.out / name).is_file() for name in files)
    assert json.loads((context.out / "report.json").read_text(encoding="utf-8")) == report
    assert report["cameras"]["cam1"]["focal_sigma_percent"] is None
    assert report["cameras"]["cam0"]["distance_m"] == pytest.approx(
        float(np.linalg.norm(rig.cameras[0].center[:2])), abs=1.5
    )


def test_takes_are_pooled(tmp_path: Path) -> None:
    """More takes, smaller errors; the scale is that of this session's person.

    Four takes halve errors on average, not in every scene: four scenes together, with room.
    """
    rotation_deg, center_mm = np.zeros((2, 4)), np.zeros((2, 4))
    for i in range(4):
        rig, takes = scene(1 + i, ticks=25, takes=4, noise_px=8.0)
        folder = tmp_path / str(i)
        alone = context_of(folder / "alone", takes[0], stature_m=1.75)
        STAGE.run(alone)
        others = tuple(take_of(folder / f"take{k}", t) for k, t in enumerate(takes[1:], 2))
        pooled = context_of(folder / "pooled", takes[0], Given(takes=others), stature_m=1.75)
        report = STAGE.run(pooled)
        for row, context in enumerate((alone, pooled)):
            error = compare_rigs(Rig.load(context.out / "rig.toml"), rig)
            rotation_deg[row, i] = np.median(error.rotation_deg)
            center_mm[row, i] = error.center_rms_mm
        assert report["fit"]["takes"] == 4
        assert report["frames_used"] == 100
        assert all(len(row["late_s"]) == 4 for row in report["cameras"].values())
    assert rotation_deg[1].sum() < 0.7 * rotation_deg[0].sum()
    assert center_mm[1].sum() < 0.7 * center_mm[0].sum()


def test_takes_of_fewer_cameras_in_another_order(tmp_path: Path) -> None:
    from gentri.stages.calibrate_takes import read_takes

    _, (seen, other) = scene(2, takes=2)
    pick = [2, 0]
    other = replace(
        other,
        xy_px=other.xy_px[pick],
        score=other.score[pick],
        cameras=("cam2", "elsewhere"),
        size_px=other.size_px[pick],
    )
    context = context_of(tmp_path / "here", seen)
    sizes = dict.fromkeys(seen.cameras, (1920, 1080))
    stranger = take_of(tmp_path / "stranger", other)
    context = replace(context, session=replace(context.session, given=Given(takes=(stranger,))))
    with pytest.raises(InputError, match="has the cameras cam2, elsewhere, this one cam0, cam1"):
        read_takes(context, sizes)
    friend = take_of(tmp_path / "friend", replace(other, cameras=("cam2", "cam0")))
    context = replace(context, session=replace(context.session, given=Given(takes=(friend,))))
    assert [take.cameras for take in read_takes(context, sizes)] == [("cam2", "cam0")]
    with pytest.raises(InputError, match=r"has pictures of 1920×1080 pixels in .* and of 960×"):
        read_takes(context, dict.fromkeys(seen.cameras, (960, 540)))


def test_takes_that_cannot_serve_are_refused_before_anything_runs(tmp_path: Path) -> None:
    _, (seen,) = scene(2, ticks=12)
    folder, here = tmp_path / "take", tmp_path / "here"
    here.mkdir()

    def refused(path: Path, kind: type[GentriError]) -> str:
        with pytest.raises(kind) as caught:
            STAGE.external(Session(here, {}, Given(takes=(path,))), params())
        return str(caught.value)

    folder.mkdir()
    assert "is not a gentri session: it has no session.toml" in refused(folder, SessionError)
    take_of(folder / "gentri-session", seen)
    assert f"did you mean {folder / 'gentri-session'}?" in refused(folder, SessionError)
    take = folder / "gentri-session"
    assert STAGE.external(Session(here, {}, Given(takes=(take,))), params())
    (take / "calibrate" / "subject.npz").unlink()
    message = refused(take_at := take.rename(tmp_path / "raw"), InputError)
    hint = f"gentri calibrate --session {take_at}; or go on without it: --take none"
    assert message.endswith(f"is not calibrated yet\n  → {hint}")
    assert "there is no" in refused(tmp_path / "nowhere", InputError)
    context = context_of(here, seen, Given(takes=(here,)))
    assert "is this session itself" in refusal(context, UsageError)


def test_digests_are_of_content_that_counts(tmp_path: Path) -> None:
    rig, (seen,) = scene(3, ticks=12)
    take = take_of(tmp_path / "take", seen)
    (tmp_path / "here").mkdir()
    (tmp_path / "cameras").mkdir()
    native.write(rig, tmp_path / "cameras" / "rig.toml")
    given = Given(intrinsics=tmp_path / "cameras", takes=(take,))
    session = Session(tmp_path / "here", {}, given)
    before = STAGE.external(session, params())
    assert set(before) == {
        "intrinsics",
        "take 2 detect",
        "take 2 frames/timeline.npz",
        "take 2 calibrate/subject.npz",
    }
    (take / "detect" / "stage.json").write_text("{}")
    (tmp_path / "cameras" / "picture.jpg").write_bytes(b"large")
    assert STAGE.external(session, params()) == before
    detections_of(seen, 0).save(take / "detect" / "cam1.npz")
    native.write(replace(rig, cameras=rig.cameras[1:]), tmp_path / "cameras" / "rig.toml")
    after = STAGE.external(session, params())
    assert {key for key in before if after[key] != before[key]} == {"intrinsics", "take 2 detect"}


def test_a_file_that_has_gone_is_named_when_it_is_needed(tmp_path: Path) -> None:
    rig, (seen,) = scene(3, ticks=12)
    native.write(rig, tmp_path / "rig.toml")
    context = context_of(tmp_path / "here", seen, Given(rig=tmp_path / "rig.toml"))
    known = STAGE.external(context.session, context.params)
    (tmp_path / "rig.toml").unlink()
    assert STAGE.external(context.session, context.params) == known
    assert f"{tmp_path / 'rig.toml'} does not exist" in refusal(context)


def test_a_rig_made_elsewhere_is_taken_as_it_is(tmp_path: Path) -> None:
    rig, (seen,) = scene(4)
    cameras = [replace(c, name=f"CAM_0{i}") for i, c in enumerate(rig.cameras)]
    native.write(replace(rig, cameras=tuple(cameras[::-1])), tmp_path / "Rig.toml")
    context = context_of(tmp_path / "here", seen, Given(rig=tmp_path / "Rig.toml"))
    report = STAGE.run(context)
    found = Rig.load(context.out / "rig.toml")
    assert found.names == rig.names
    for one, other in zip(found.cameras, rig.cameras, strict=True):
        np.testing.assert_allclose(one.K, other.K, rtol=1e-12)
        np.testing.assert_allclose(one.center, other.center, atol=1e-12)
    assert "CAM_00 is cam0" in said(context)
    assert (report["verdict"], report["poor"]) == ("good", [])
    assert report["residual_median_mrad"] < 5
    assert Subject.load(context.out / "subject.npz").cameras == rig.names


def test_the_cameras_are_there_for_other_programs(tmp_path: Path) -> None:
    """Of a rig that a format cannot hold, the others are written."""
    rig, (seen,) = scene(4)
    native.write(rig, tmp_path / "rig.toml")
    context = context_of(tmp_path / "here", seen, Given(rig=tmp_path / "rig.toml"))
    files = STAGE.run(context)["files"]
    rigs = context.out / "rigs"
    assert files["rig.toml"] == "cameras"
    assert files["rigs/Calib.toml"] == "cameras for Pose2Sim"
    written = {p.relative_to(context.out).as_posix() for p in rigs.rglob("*") if p.is_file()}
    assert written == set(files) - {"rig.toml"}
    for target in (writer.target for writer in WRITERS.values()):
        found = read_rig(rigs / target).select(rig.names)
        for one, other in zip(found.cameras, rig.cameras, strict=True):
            np.testing.assert_allclose(one.center, other.center, atol=1e-6)

    named = ("cam.0", "cam1", "cam2")  # EasyMocap would cut it at the dot
    renamed = replace(seen, cameras=named)
    cameras = [replace(c, name=n) for c, n in zip(rig.cameras, named, strict=True)]
    native.write(replace(rig, cameras=tuple(cameras)), tmp_path / "rig.toml")
    context = context_of(tmp_path / "dotted", renamed, Given(rig=tmp_path / "rig.toml"))
    report = STAGE.run(context)
    files = report["files"]
    assert "rigs/colmap/cameras.txt" in files
    assert not [name for name in files if "easymocap" in name]
    left_out = report["formats_left_out"]
    assert left_out["easymocap"].startswith("EasyMocap's file cannot hold the camera name")
    assert json.loads((context.out / "report.json").read_text())["formats_left_out"] == left_out


def test_a_rig_of_other_cameras_is_poor_also_for_somebody_far_away(tmp_path: Path) -> None:
    """Through telephoto lenses all errors are small angles; nobody is another person for that."""
    near, _ = scene(4)
    middle, cameras = np.array([0.0, 0.0, 1.0]), []
    for camera in near.cameras:
        R, away = camera.cam_from_world.R, middle + 20.0 * (camera.center - middle)
        zoomed = camera.K * [[20.0, 1.0, 1.0], [1.0, 20.0, 1.0], [1.0, 1.0, 1.0]]
        cameras.append(replace(camera, K=zoomed, cam_from_world=Rigid3(R, -R @ away)))
    far = replace(near, cameras=tuple(cameras))
    seen = synthetic.observe(far, synthetic.walk(np.random.default_rng(4), 80))
    seen = synthetic.degrade(seen, np.random.default_rng(4), noise_px=2.0)
    one, two, three = far.cameras
    exchanged = (replace(two, name="cam0"), replace(one, name="cam1"), three)
    native.write(replace(far, cameras=exchanged), tmp_path / "rig.toml")
    context = context_of(tmp_path / "here", seen, Given(rig=tmp_path / "rig.toml"))
    report = STAGE.run(context)
    (reason,) = report["poor"]
    assert reason.startswith("this rig does not fit these videos: it misses the person")
    assert "times what detectors err by in the median (at most 8)" in reason
    native.write(far, tmp_path / "right.toml")
    context = context_of(tmp_path / "there", seen, Given(rig=tmp_path / "right.toml"))
    assert STAGE.run(context)["poor"] == []


def test_a_rig_of_other_cameras_is_poor(tmp_path: Path) -> None:
    """Two cameras exchanged, and no unit stated: poor, in words, and fit for JSON."""
    rig, (seen,) = scene(4)
    one, two, three = rig.cameras
    exchanged = (replace(two, name="cam0"), replace(one, name="cam1"), three)
    wrong = replace(rig, cameras=exchanged, scale_sigma=float("nan"))
    native.write(wrong, tmp_path / "rig.toml")
    context = context_of(tmp_path / "here", seen, Given(rig=tmp_path / "rig.toml"))
    report = STAGE.run(context)
    assert report["verdict"] == "poor"
    assert len(report["poor"]) == 1
    assert report["poor"][0].startswith("this rig does not fit these videos: it misses the person")
    assert report["scale"]["sigma_percent"] is None
    json.dumps(report, allow_nan=False)


def test_a_rig_in_another_unit_is_poor(tmp_path: Path) -> None:
    rig, (seen,) = scene(4)
    poses = [replace(c.cam_from_world, t=c.cam_from_world.t / 0.3048) for c in rig.cameras]
    cameras = zip(rig.cameras, poses, strict=True)
    feet = replace(rig, cameras=tuple(replace(c, cam_from_world=p) for c, p in cameras))
    native.write(feet, tmp_path / "rig.toml")
    context = context_of(tmp_path / "here", seen, Given(rig=tmp_path / "rig.toml"), stature_m=1.75)
    report = STAGE.run(context)
    (reason,) = report["poor"]
    assert report["verdict"] == "poor"
    assert "times what they should be (stature given): check its unit" in reason


@pytest.mark.parametrize(
    ("scale", "source"),
    [
        ({"camera_distance": "cam0:cam1=65"}, "camera distance given"),
        ({"bone_length": "hip:knee=0.11"}, "bone length given"),
        ({"stature_m": 0.6}, "stature given"),
        ({}, "camera positions given"),
    ],
)
def test_a_scale_by_which_nobody_lives_is_poor(
    tmp_path: Path, scale: dict[str, Any], source: str
) -> None:
    rig, (seen,) = scene(1)
    world = None
    if not scale:
        poses = [replace(c.cam_from_world, t=100 * c.cam_from_world.t) for c in rig.cameras]
        cameras = zip(rig.cameras, poses, strict=True)
        in_cm = replace(rig, cameras=tuple(replace(c, cam_from_world=p) for c, p in cameras))
        world = positions(tmp_path / "world.toml", in_cm)
    report = STAGE.run(context_of(tmp_path / "here", seen, Given(world=world), **scale))
    assert report["verdict"] == "poor"
    assert report["poor"][0].startswith(f"by this scale ({source}) the person is ")


def test_a_given_rig_may_show_a_child() -> None:
    """Without a known length a rig is poor only where nobody is so small."""
    from gentri.stages.calibrate_report import _other_unit

    rng = np.random.default_rng(0)
    xyz = synthetic.walk(rng, 20).xyz[:, COCO17.body]
    rig = synthetic.camera_ring(3)
    assert _other_unit(rig, 0.65 * xyz, None) == []
    (reason,) = _other_unit(rig, 3.28 * xyz, None)
    assert reason.startswith("by this rig the person is 5.")


def test_files_that_do_not_fit_the_cameras_are_refused(tmp_path: Path) -> None:
    rig, (seen,) = scene(5, ticks=12)
    lenses = {"can0": intrinsics_of(rig.cameras[0]), "cam1": intrinsics_of(rig.cameras[1])}
    lens_tables.write(lenses, tmp_path / "lenses.toml")
    context = context_of(tmp_path / "a", seen, Given(intrinsics=tmp_path / "lenses.toml"))
    text = "lenses.toml names can0, cam1; the cameras are cam0, cam1, cam2: there is no can0; did"
    assert text in refusal(context)
    opencv.write(replace(rig, cameras=(replace(rig.cameras[0], name="lens"),)), tmp_path)
    context = context_of(tmp_path / "d", seen, Given(intrinsics=tmp_path / "lens.yml"))
    assert "OpenCV's files do not name their camera: call each as" in refusal(context)
    native.write(replace(rig, cameras=rig.cameras[:2]), tmp_path / "rig.toml")
    context = context_of(tmp_path / "b", seen, Given(rig=tmp_path / "rig.toml"))
    assert "has no cam2: it names cam0, cam1; the cameras are cam0, cam1, cam2" in refusal(context)
    world = positions(tmp_path / "world.toml", rig, ["cam1"])
    world.write_text(world.read_text().replace("cam1", "one"))
    context = context_of(tmp_path / "c", seen, Given(world=world))
    assert "there is no one" in refusal(context)
    world.write_text(f"{world.read_text()}[cam2]\nposition_m = [0, 0, 1]\n")
    text = "positions are known of: one, cam2; the cameras are cam0, cam1, cam2: a world needs two"
    assert text in refusal(context)
    both = Given(rig=tmp_path / "rig.toml", world=world)
    with pytest.raises(UsageError, match="--rig and --world were given together"):
        STAGE.external(Session(tmp_path / "c", {}, both), params())


def test_files_may_hold_cameras_that_are_not_there(tmp_path: Path) -> None:
    rig, (seen,) = scene(5, cameras=4)
    lenses = {c.name: intrinsics_of(c) for c in rig.cameras}
    lens_tables.write({"top": lenses.pop("cam3"), **lenses}, tmp_path / "lenses.toml")
    world = positions(tmp_path / "world.toml", rig)
    world.write_text(world.read_text().replace("cam0", "left").replace("cam3", "roof"))
    three = replace(
        seen,
        cameras=seen.cameras[:3],
        xy_px=seen.xy_px[:3],
        score=seen.score[:3],
        size_px=seen.size_px[:3],
    )
    files = Given(intrinsics=tmp_path / "lenses.toml", world=world)
    STAGE.check(
        Session(tmp_path, dict.fromkeys(three.cameras, tmp_path), files), params(), Runtime()
    )
    context = context_of(tmp_path / "session", three, files)
    STAGE.run(context)
    text = said(context)
    assert "lenses.toml names top: no camera here is called so\n" in text
    left = (
        "world.toml names left, roof: no camera here is called so, and of cam0 it has no position"
    )
    assert left in text
    found = Rig.load(context.out / "rig.toml")
    assert {c.intrinsics_source for c in found.cameras} == {"given"}
    assert found.world_source == "camera positions given"


def test_one_length_gives_the_scale() -> None:
    with pytest.raises(ValueError, match=r"stature_m and calibrate\.camera_distance both give"):
        params(stature_m=1.7, camera_distance="cam0:cam1=4.2")
    with pytest.raises(ValueError, match=r", or --set calibrate\.bone_length=none"):
        params(camera_distance="cam0:cam1=4.2", bone_length="hip:knee=0.43")
    with pytest.raises(UsageError, match='such as "cam01:cam03'):
        params(camera_distance="4.2")
    with pytest.raises(UsageError, match="is not a bone"):
        params(bone_length="hip:nose=0.7")


def test_names_and_files_are_looked_at_before_anything_runs(tmp_path: Path) -> None:
    """And each refusal says how to go on without: what is wrong stands in session.toml by then."""
    rig, _ = scene(5, ticks=12)
    native.write(replace(rig, cameras=rig.cameras[:2]), tmp_path / "rig.toml")
    (tmp_path / "noise.toml").write_text("cam0 = [")
    lens_tables.write({"left": intrinsics_of(rig.cameras[0])}, tmp_path / "lenses.toml")
    world = positions(tmp_path / "world.toml", rig, ["cam1"])

    def refused(given: Given = NOTHING_GIVEN, **changes: Any) -> str:
        session = Session(tmp_path, dict.fromkeys(rig.names, tmp_path), given)
        with pytest.raises(GentriError) as caught:
            STAGE.check(session, params(**changes), Runtime())
        return str(caught.value)

    assert "rig.toml has no cam2" in (text := refused(Given(rig=tmp_path / "rig.toml")))
    assert text.endswith("; or go on without it: --rig none")
    assert refused(Given(rig=tmp_path / "noise.toml")).endswith("--rig none")
    lenses = refused(Given(intrinsics=tmp_path / "lenses.toml"))
    assert "there is no left" in lenses
    assert lenses.endswith("--intrinsics none")
    assert "positions are known of: cam1" in (text := refused(Given(world=world)))
    assert text.endswith("--world none")
    distance = refused(camera_distance="cam1:cm2=3")
    assert "unknown camera in calibrate.camera_distance: cm2\n  → did you mean" in distance
    assert distance.endswith("--set calibrate.camera_distance=none")
    assert "unknown camera in calibrate.subject: cam9" in (text := refused(subject=("cam9:1",)))
    assert text.endswith("--set calibrate.subject=[]")
    whole = Given(intrinsics=tmp_path / "all.toml")
    lens_tables.write({c.name: intrinsics_of(c) for c in rig.cameras}, tmp_path / "all.toml")
    session = Session(tmp_path, dict.fromkeys(rig.names, tmp_path), whole)
    STAGE.check(session, params(camera_distance="cam1:cam2=3", subject=("cam0:1",)), Runtime())
    # Written as the user's files are called, not as the session calls them.
    STAGE.check(session, params(camera_distance="Cam 1:cam02=3", subject=("Cam-0:1",)), Runtime())


def test_a_subject_that_tells_nothing_names_its_setting(tmp_path: Path) -> None:
    """A track of somebody who stands still, found only when cameras are wanted of it."""
    _, (seen,) = scene()
    still = np.broadcast_to(seen.xy_px[:, :1], seen.xy_px.shape).copy()
    context = context_of(tmp_path / "s", replace(seen, xy_px=still), subject=("Cam-0:0",))
    text = refusal(context, CalibrationError)
    assert "the person hardly moves" in text
    assert text.endswith("go on without it: --set calibrate.subject=[]")


def test_a_take_counts_once(tmp_path: Path) -> None:
    _, (seen, other) = scene(2, ticks=12, takes=2)
    one, two = take_of(tmp_path / "one", other), take_of(tmp_path / "two", other)
    here = context_of(tmp_path / "here", seen).session

    def refused(*takes: Path) -> str:
        with pytest.raises(GentriError) as caught:
            STAGE.check(replace(here, given=Given(takes=takes)), params(), Runtime())
        return str(caught.value)

    assert f"the takes {one} and {two} show the same" in (text := refused(one, two))
    assert text.endswith("; or go on without it: --take none")
    assert f"the takes {one} and {one} show the same" in refused(one, one)
    own = take_of(tmp_path / "own", seen)
    assert f"the takes {here.root} and {own} show the same" in refused(own)
    assert "is this session itself" in refused(here.root)
