"""gentri in Python: what the README shows, arrays, files, and refusals."""

import json
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gentri
from gentri import synthetic
from gentri.data import Detections
from gentri.errors import InputError, UsageError, WeightsError
from gentri.geometry.comparison import compare_rigs
from gentri.rigs import lens_tables
from gentri.rigs.values import intrinsics_of
from gentri.skeletons import COCO17

sys.path.insert(0, str(Path(__file__).parent / "keypoints"))

from trees import openpose_clip, write_openpose

ROOT = Path(__file__).parents[1]
FAST = {"frames": 30}


def scene(seed: int = 0, takes: int = 1, **faults: float):
    rng = np.random.default_rng(seed)
    rig = synthetic.random_ring(rng, 3, arc_deg=150.0)
    seen = [synthetic.observe(rig, synthetic.walk(rng, 80)) for _ in range(takes)]
    return rig, [synthetic.degrade(s, rng, **faults) if faults else s for s in seen]


def test_everything_that_is_promised_is_there() -> None:
    for name in gentri.__all__:
        assert getattr(gentri, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'calibrat'"):
        gentri.calibrat  # noqa: B018


def test_completion_shows_it_and_types_are_read() -> None:
    assert set(gentri.__all__) <= set(dir(gentri))
    assert (Path(gentri.__file__).parent / "py.typed").is_file()


def test_files_are_named_by_text_or_path(tmp_path: Path) -> None:
    rig, (seen,) = scene()
    poses = gentri.triangulate(seen, rig)
    xy, score = seen.xy_px[0][:, None], seen.score[0][:, None]
    box, track = np.zeros((len(xy), 1, 4), np.float32), np.zeros((len(xy), 1), np.int32)
    people = Detections(xy, score, box, track, 1920, 1080, seen.skeleton)
    for thing, array in ((seen, "xy_px"), (poses, "xyz"), (people, "box_px")):
        text = str(tmp_path / f"{array}.npz")
        thing.save(text)
        again = type(thing).load(text)
        np.testing.assert_array_equal(getattr(again, array), getattr(thing, array))
        assert type(thing).load(Path(text)).skeleton is thing.skeleton
    rig.save(str(tmp_path / "rig.toml"))
    assert gentri.Rig.load(str(tmp_path / "rig.toml")).names == rig.names


def test_plain_arrays_to_3d() -> None:
    """Exact detections and lenses: the rig and the person are exact up to float32 pixels."""
    rig, (seen,) = scene()
    keypoints = gentri.keypoints_from_arrays(
        seen.xy_px, size_px=(1920, 1080), fps=10.0, cameras=rig.names
    )
    world = {c.name: c.center for c in rig.cameras}
    lenses = {c.name: intrinsics_of(c) for c in rig.cameras}
    found = gentri.calibrate(keypoints, intrinsics=lenses, world=world, **FAST)
    difference = compare_rigs(found, rig)
    assert difference.rotation_deg.max() < 0.01
    assert difference.scale == pytest.approx(1.0, abs=1e-3)
    assert {c.intrinsics_source for c in found.cameras} == {"given"}
    shuffled = rig.select(("cam2", "cam0", "cam1"))
    poses = gentri.triangulate(keypoints, shuffled, method="ransac")
    truth = synthetic.walk(_rng_after_ring(), 80).xyz
    measured = np.isfinite(poses.xyz[:, 0, :, 0])
    assert measured.mean() > 0.95
    np.testing.assert_allclose(poses.xyz[:, 0][measured], truth[measured], atol=1e-4)
    # What is learned expects errors: of exact detections it makes 1 mm in the mean.
    learned = gentri.triangulate(keypoints, shuffled).xyz[:, 0]
    away = np.linalg.norm(learned - truth, axis=-1)
    assert np.nanmean(away) < 0.003
    assert np.nanmax(away) < 0.03


def _rng_after_ring() -> np.random.Generator:
    rng = np.random.default_rng(0)
    synthetic.random_ring(rng, 3, arc_deg=150.0)
    return rng


def test_takes_lenses_and_worlds_in_files(tmp_path: Path) -> None:
    rig, takes = scene(1, takes=2, noise_px=2.0)
    lens_tables.write({"cam1": intrinsics_of(rig.cameras[1])}, tmp_path / "lenses.toml")
    gentri.write_rig(rig, tmp_path / "Calib.toml", "pose2sim")
    found = gentri.calibrate(
        takes,
        intrinsics=tmp_path / "lenses.toml",
        world=str(tmp_path / "Calib.toml"),
        stature_m=np.float64(1.75),
        **FAST,
    )
    assert found.scale_source == "stature given"
    assert found.world_source == "camera positions given"
    sources = [c.intrinsics_source for c in found.cameras]
    assert sources == ["estimated", "given", "estimated"]
    gentri.write_rig(found, tmp_path / "rig.toml")
    assert gentri.read_rig(tmp_path / "rig.toml").world_source == "camera positions given"


def test_lenses_and_worlds_of_more_cameras_serve_these() -> None:
    rig, (seen,) = scene(1, noise_px=2.0)
    lenses = {"top": intrinsics_of(rig.cameras[0]), "cam1": intrinsics_of(rig.cameras[1])}
    world = {"far": [9.0, 9.0, 9.0]} | {c.name: c.center for c in rig.cameras}
    said = "^intrinsics names top: no camera here is called so, and of cam0, cam2 it has no lens$"
    with pytest.warns(UserWarning, match=said) as warned:
        found = gentri.calibrate(seen, intrinsics=lenses, world=world, **FAST)
    assert [w.filename for w in warned] == [__file__]  # one alone: of the world nothing is missing
    assert [c.intrinsics_source for c in found.cameras] == ["estimated", "given", "estimated"]
    assert found.world_source == "camera positions given"


def test_what_is_not_to_be_trusted_is_warned_of() -> None:
    rng = np.random.default_rng(2)
    rig = synthetic.random_ring(rng, 3, arc_deg=150.0)
    walk = synthetic.walk(rng, 80, on_the_spot=True)
    spot = synthetic.degrade(synthetic.observe(rig, walk), rng, noise_px=4.0)
    with pytest.warns(gentri.PoorResultWarning, match="film the person walking"):
        gentri.calibrate(spot, **FAST)


def test_a_verdict_goes_with_the_rig() -> None:
    """What is warned of is all there; of what is merely usable, too."""
    _, (seen,) = scene(1, noise_px=2.0)
    ticks = {name: getattr(seen, name)[:, :38] for name in ("xy_px", "score")}
    seen = replace(seen, **ticks, time_s=seen.time_s[:38])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rig, verdict = gentri.calibrate_judged(seen, **FAST)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert gentri.calibrate(seen, **FAST).names == rig.names
    assert isinstance(verdict, gentri.Verdict)
    assert json.loads(json.dumps(verdict.as_json()))["level"] == verdict.level == "usable"
    (said,) = [w for w in caught if w.category is gentri.UsableResultWarning]
    assert all(reason.text in str(said.message) for reason in verdict.reasons)
    assert "gentri.calibrate_judged" in str(said.message)
    assert said.filename == __file__


def test_a_world_that_is_missed_is_in_the_verdict() -> None:
    rig, (seen,) = scene(1, noise_px=2.0)
    world = {c.name: c.center + 3.0 * (i == 1) for i, c in enumerate(rig.cameras)}
    _, verdict = gentri.calibrate_judged(seen, world=world, **FAST)
    assert verdict.level == "poor"
    assert any("known camera positions miss" in text for text in verdict.poor)


def test_a_scale_in_another_unit_is_warned_of_first() -> None:
    _, (seen,) = scene(1, noise_px=2.0)
    with pytest.warns(gentri.PoorResultWarning, match="^by this scale .* is the distance of"):
        gentri.calibrate(seen, camera_distance="cam0:cam1=65", **FAST)


def test_refusals() -> None:
    rig, (seen,) = scene(3)
    with pytest.raises(UsageError, match=r"unknown setting of calibrate: statur_m\n.*stature_m"):
        gentri.calibrate(seen, statur_m=1.75)
    with pytest.raises(UsageError, match=r"needed 0\.5 to 2.5 metres; did you mean 1\.75"):
        gentri.calibrate(seen, stature_m=175)
    with pytest.raises(UsageError, match=r"frames: found 12\.5, needed a whole number"):
        gentri.calibrate(seen, frames=12.5)
    with pytest.raises(UsageError, match="both give the scale"):
        gentri.calibrate(seen, stature_m=1.75, camera_distance="cam0:cam1=4.2")
    with pytest.raises(UsageError, match="of one person already"):
        gentri.calibrate(seen, subject=["cam0:1"])
    with pytest.raises(UsageError, match="no take was given"):
        gentri.calibrate([])
    with pytest.raises(InputError, match="intrinsics names left; the cameras are cam0") as refused:
        gentri.calibrate(seen, intrinsics={"left": intrinsics_of(rig.cameras[0])})
    assert "in the file" not in refused.value.hint
    with pytest.raises(InputError, match="positions are known of: cam0; the cameras are"):
        gentri.calibrate(seen, world={"cam0": np.zeros(3)})
    with pytest.raises(InputError, match="the rig has no cam2: it names cam0, cam1"):
        gentri.triangulate(seen, replace(rig, cameras=rig.cameras[:2]))
    with pytest.raises(UsageError, match=r"unknown rig format: pose3sim\n.*pose2sim"):
        gentri.write_rig(rig, "Calib.toml", "pose3sim")


def test_things_that_are_not_keypoints_are_refused() -> None:
    _, (seen,) = scene(3)
    with pytest.raises(UsageError, match=r"keypoints are a str, .*\n.*read_keypoints\('pose/'\)"):
        gentri.calibrate("pose/")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="keypoints are a dict, needed Keypoints2D"):
        gentri.calibrate({})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="keypoints are a ndarray"):
        gentri.calibrate([seen, seen.xy_px])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="the rig is a str, needed a Rig"):
        gentri.triangulate(seen, "rig.toml")  # type: ignore[arg-type]
    for wrong in ([0, 0], [0, 0, np.nan], "here"):
        with pytest.raises(UsageError, match=r"the position of cam0 is .*\n.*x, y and z in metres"):
            gentri.calibrate(seen, world={"cam0": wrong}, **FAST)


def test_one_camera_is_told_from_a_person_whom_none_saw_together() -> None:
    _, (seen,) = scene(3)
    alone = replace(
        seen,
        cameras=("left",),
        xy_px=seen.xy_px[:1],
        score=seen.score[:1],
        size_px=seen.size_px[:1],
    )
    with pytest.raises(UsageError, match=r"only one camera was given: left; .* at least two"):
        gentri.calibrate(alone)


def test_a_take_counts_once() -> None:
    """Even where the other has more cameras, or lists them otherwise."""
    _, takes = scene(4, takes=2, noise_px=2.0)
    again = replace(
        takes[0],
        cameras=("new", "cam2", "cam1"),
        xy_px=np.stack([takes[1].xy_px[0], takes[0].xy_px[2], takes[1].xy_px[1]]),
    )
    with pytest.raises(UsageError, match="takes 1 and 3 show the same in cam2"):
        gentri.calibrate([*takes, again], **FAST)
    assert gentri.calibrate(takes, **FAST).names == ("cam0", "cam1", "cam2")


def test_arrays_that_do_not_fit() -> None:
    xy = np.full((2, 5, 17, 2), 240.0)
    with pytest.raises(UsageError, match=r"needed for halpe26: \(cameras, ticks, 26, 2\)"):
        gentri.keypoints_from_arrays(xy, size_px=(640, 480), fps=30, skeleton="halpe26")
    with pytest.raises(UsageError, match="fps or time_s"):
        gentri.keypoints_from_arrays(xy, size_px=(640, 480))
    with pytest.raises(UsageError, match=r"score has the shape \(2, 5, 16\)"):
        gentri.keypoints_from_arrays(xy, np.ones((2, 5, 16)), size_px=(640, 480), fps=30)
    xy[0, 0, 0] = np.nan
    found = gentri.keypoints_from_arrays(xy, size_px=[(640, 480), (480, 640)], time_s=np.arange(5))
    assert found.cameras == ("cam01", "cam02")
    assert found.size_px.tolist() == [[640, 480], [480, 640]]
    assert np.isnan(found.score[0, 0, 0])
    assert found.score[1].min() == 1


def test_values_that_no_array_may_have() -> None:
    xy = np.full((2, 5, 17, 2), 300.0)
    make, rest = gentri.keypoints_from_arrays, {"size_px": (640, 480), "fps": 30}
    for fps in (0, -1.0, np.nan, "30 Hz"):
        with pytest.raises(UsageError, match=r"fps is .*\n.*above 0"):
            make(xy, **{**rest, "fps": fps})
    for size in (None, (640, 480, 3), 640, "640x480", (640,)):
        with pytest.raises(UsageError, match=r"size_px is .*\n.*\(1920, 1080\)"):
            make(xy, **{**rest, "size_px": size})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"size_px is \[\[0, 0\], .*\n.*above 0"):
        make(xy, **{**rest, "size_px": (0, 0)})
    with pytest.raises(UsageError, match="several cameras are called a"):
        make(xy, **rest, cameras=("a", "a"))
    for time in ([0, 0, 0, 0, 0], [0, 1, 2, 3, np.nan], [4, 3, 2, 1, 0], [0, 2, 1, 3, 4]):
        with pytest.raises(UsageError, match=r"time_s does not ascend .* tick [124] is at"):
            make(xy, size_px=(640, 480), time_s=time)
    with pytest.raises(InputError, match=r"100% of the joints of cam01 .*\n.*correct size_px"):
        make(xy + 900, **rest)
    named = make(xy, **rest, skeleton=replace(COCO17, name="mine"))
    assert named.skeleton.name == "mine"


def test_scores_and_places_that_are_none() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform((0, 0), (640, 480), (2, 5, 17, 2))
    xy[0, 0, 0, 1] = np.inf
    made = gentri.keypoints_from_arrays(xy, np.full((2, 5, 17), np.nan), size_px=(640, 480), fps=5)
    assert np.isnan(made.xy_px[0, 0, 0]).all() and np.isnan(made.score[0, 0, 0])
    assert np.nanmin(made.score) == 1
    with pytest.warns(UserWarning, match="scores reach 90: they are taken as per cent"):
        made = gentri.keypoints_from_arrays(
            xy, np.full((2, 5, 17), 90.0), size_px=(640, 480), fps=5
        )
    assert np.nanmax(made.score) == pytest.approx(0.9)


def test_scores_and_times_of_keypoints_made_otherwise() -> None:
    rig, (seen,) = scene(3)
    right = gentri.triangulate(seen, rig, method="ransac").xyz
    with pytest.warns(UserWarning, match="per cent"):
        large = gentri.triangulate(replace(seen, score=100 * seen.score), rig, method="ransac")
    np.testing.assert_array_equal(large.xyz, right)
    with pytest.raises(UsageError, match="time_s does not ascend"):
        gentri.triangulate(replace(seen, time_s=-seen.time_s), rig)
    none = replace(seen, score=np.full_like(seen.score, np.nan))
    np.testing.assert_array_equal(gentri.triangulate(none, rig, method="ransac").xyz, right)


def test_a_size_that_is_too_large_is_warned_of() -> None:
    _, (seen,) = scene(3)
    with pytest.warns(
        gentri.PoorResultWarning, match=r"upper left .* size_px=\(960, 540\)"
    ) as said:
        gentri.keypoints_from_arrays(seen.xy_px / 2, size_px=(1920, 1080), fps=10)
    assert said[0].filename == __file__


def test_lenses_in_python() -> None:
    rig, (seen,) = scene(3)
    found = gentri.calibrate(seen, intrinsics=rig, **FAST)
    assert {c.intrinsics_source for c in found.cameras} == {"given"}
    wrong: Any = {"cam0": rig.cameras[0].K}
    with pytest.raises(UsageError, match=r"lens of cam0 is a ndarray.*\n.*gentri\.Intrinsics\("):
        gentri.calibrate(seen, intrinsics=wrong, **FAST)
    with pytest.raises(UsageError, match="intrinsics are a ndarray"):
        gentri.calibrate(seen, intrinsics=wrong["cam0"], **FAST)


def test_triangulation_takes_two_cameras_and_a_scorer(tmp_path: Path) -> None:
    rig, (seen,) = scene(3)
    alone = replace(
        seen,
        cameras=("cam0",),
        xy_px=seen.xy_px[:1],
        score=seen.score[:1],
        size_px=seen.size_px[:1],
    )
    with pytest.raises(UsageError, match="only one camera was given: cam0; 3D needs at least two"):
        gentri.triangulate(alone, rig)
    (tmp_path / "a.safetensors").write_text("nothing")
    with pytest.raises(WeightsError, match=r"a\.safetensors is not a weight file of a scorer"):
        gentri.triangulate(seen, rig, scorer=tmp_path / "a.safetensors")


def test_refusals_speak_python(pose: Path) -> None:
    _, (seen,) = scene(3)
    for setting in (
        {"focal_sharing": "per"},
        {"stature_m": 175},
        {"frames": 5},
        {"seed": "a"},
        {"camera_distance": 4.2},
        {"stature_m": 1.75, "camera_distance": "cam0:cam1=4.2"},
    ):
        with pytest.raises(UsageError) as caught:
            gentri.calibrate(seen, **setting)
        said = str(caught.value)
        assert next(iter(setting)) in said
        assert not re.search(r"--|session\.toml|calibrate\.", said)
        assert caught.value.hint or "both give the scale" in said
    for size in ("1920x1080", (1920,), (0, 0)):
        with pytest.raises(UsageError, match="size_px is"):
            gentri.read_keypoints(pose, size_px=size, fps=20)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^skeleton: found .body26., needed .auto.") as caught:
        gentri.read_keypoints(pose, size_px=(1088, 1920), fps=20, skeleton="body26")
    assert "--" not in str(caught.value)


def test_what_a_session_would_say_is_warned_of(pose: Path) -> None:
    with pytest.warns(gentri.PoorResultWarning, match="not those of body25:.*check skeleton"):
        gentri.read_keypoints(pose, size_px=(1088, 1920), fps=20, skeleton="body25")


@pytest.fixture(scope="module")
def pose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenPose's files of the demo clip, every third frame."""
    folder = tmp_path_factory.mktemp("pose")
    for name, people in openpose_clip().items():
        write_openpose(folder / f"{name}_json", people[::3], name + "_{:06d}.json")
    return folder


def test_files_of_several_people(pose: Path) -> None:
    """Two views show a bystander as well."""
    keypoints = gentri.read_keypoints(pose, size_px=(1088, 1920), fps=20)
    assert keypoints.cameras == ("cam01", "cam02", "cam03", "cam04")
    assert keypoints.skeleton.name == "body25b"
    assert len(keypoints.time_s) == 34
    seen = np.isfinite(keypoints.xy_px[..., 0]).any(axis=-1)
    assert seen.mean() > 0.97
    with pytest.raises(
        InputError, match=r"size is not known .*\n.*size_px=\(1920, 1080\)"
    ) as no_size:
        gentri.read_keypoints(pose, fps=20)
    assert "--" not in str(no_size.value)
    with pytest.raises(InputError, match=r"frame rate\n.*add it to the call, such as fps=60"):
        gentri.read_keypoints(pose, size_px=(1088, 1920))
    size = dict.fromkeys(keypoints.cameras, (1088, 1920))
    with pytest.raises(InputError, match="people have 25 joints, halpe26 has 26"):
        gentri.read_keypoints(pose, size_px=size, fps=20, skeleton="halpe26")


def test_a_rig_made_elsewhere_serves_a_session_of_keypoints(
    program, pose: Path, tmp_path: Path
) -> None:
    """Qualisys' own cameras, called cam_01 where the session says cam01."""
    session = tmp_path / "session"
    words = ("--fps", 20, "--size", "1088x1920", "--set", "frames.fps=10", "--session", session)
    qualisys = ROOT / "examples" / "balance" / "Calib.qca.txt"
    done = program("triangulate", "--keypoints", pose, *words, "--rig", qualisys, "--json")
    assert done.returncode in (0, 3), done.stderr  # Qualisys' cam03 misses the athlete by 15 mrad
    assert "names of Calib.qca.txt: cam_01 is cam01, cam_02 is cam02" in done.stderr
    report, metrics = (s["metrics"] for s in json.loads(done.stdout)["stages"][2:])
    assert report["residual_median_mrad"] < 15
    assert report["scale"]["source"] == "given"
    assert metrics["body_joints_triangulated_percent"] > 95
    found = gentri.Rig.load(session / "calibrate" / "rig.toml")
    assert {c.intrinsics_source for c in found.cameras} == {"given"}


def test_the_example_runs() -> None:
    """It stands in the README, too."""
    example = (ROOT / "examples" / "python_api.py").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in ("gentri.read_keypoints(", "gentri.calibrate(", "gentri.triangulate("):
        assert line in example
        assert line in readme
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "python_api.py")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "100 ticks, 100 % of the joints in 3D" in done.stdout


def test_asking_for_a_name_twice_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gentri.calibrate is gentri.calibrate
