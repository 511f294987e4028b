"""frames and detect on keypoint files, and export without pictures."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "keypoints"))

from trees import openpose_clip, write_mmpose, write_openpose

from gentri.configs.settings import load_settings
from gentri.data import Detections, Keypoints2D, Timeline
from gentri.errors import InputError
from gentri.keypoints import sources
from gentri.pipeline.stage import Context, Runtime
from gentri.skeletons import BODY25B, COCO17, SKELETONS
from gentri.stages import STAGES, detect, frames
from gentri.stages.frames import FramesParams

SIZE = ("1088x1920",)
Clip = dict[str, list[list[Any]]]


class Diary:
    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, done: int, total: int, unit: str) -> None:
        assert 0 <= done <= total and unit == "cameras"

    def say(self, text: str) -> None:
        self.said.append(text)


class FakeSession:
    def __init__(self, named: dict[str, Path]) -> None:
        self.sources = named


def run_frames(out: Path, named: dict[str, Path], **settings: Any) -> tuple[dict, Context]:
    out.mkdir(parents=True, exist_ok=True)
    params = replace(load_settings(STAGES)["frames"], **settings)
    session: Any = FakeSession(named)
    context = Context(params, out, {}, session, Runtime(), Diary())
    return frames.STAGE.run(context), context


def run_detect(made: Path, out: Path, **settings: Any) -> dict:
    out.mkdir(parents=True, exist_ok=True)
    params = replace(load_settings(STAGES)["detect"], **settings)
    session: Any = None
    return detect.STAGE.run(Context(params, out, {"frames": made}, session, Runtime(), Diary()))


def published(out: Path) -> dict[str, bytes]:
    files = (p for p in out.rglob("*") if p.is_file() and "_parts" not in p.parts)
    return {str(p.relative_to(out)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def clip() -> Clip:
    return {name: people[:20] for name, people in openpose_clip().items()}


@pytest.fixture(scope="module")
def tree(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pose")
    return {n: write_openpose(root / f"{n}_json", people) for n, people in clip.items()}


def test_from_files_to_detections(clip: Clip, tree: dict[str, Path], tmp_path: Path) -> None:
    metrics, context = run_frames(tmp_path / "f", tree, image_fps=60.0, keypoint_size_px=SIZE)
    assert metrics["skeleton"] == "body25b"
    assert metrics["cameras"]["cam01"]["fps"] == pytest.approx(60)
    assert any("body25b, of those with 25 joints" in s for s in context.progress.said)  # pyright: ignore
    timeline = Timeline.load(tmp_path / "f" / "timeline.npz")
    assert timeline.cameras == tuple(clip)
    assert timeline.size_px.tolist() == [[1088, 1920]] * 4
    np.testing.assert_allclose(timeline.time_s[2], np.arange(20) / 60)

    metrics = run_detect(tmp_path / "f", tmp_path / "d")
    assert metrics["model"] == "keypoint files"
    seen = Detections.load(tmp_path / "d" / "cam03.npz")
    assert (seen.skeleton, seen.width, seen.height) == (BODY25B, 1088, 1920)
    assert seen.xy_px.shape == (20, 1, 25, 2)
    wanted = np.array([frame[0] for frame in clip["cam03"]], dtype=np.float32)
    shown = wanted[..., 2] > 0
    np.testing.assert_array_equal(seen.xy_px[:, 0][shown], wanted[..., :2][shown])
    assert np.isnan(seen.xy_px[:, 0][~shown]).all() and (~shown).any()
    two = Detections.load(tmp_path / "d" / "cam01.npz")
    assert two.track.shape == (20, 2) and set(two.track[:, 0]) == {0}


def test_settings_choose_frames(tree: dict[str, Path], tmp_path: Path) -> None:
    chosen = {"image_fps": 10.0, "fps": 5.0, "start_s": 0.5, "end_s": 1.5}
    run_frames(tmp_path / "f", tree, keypoint_size_px=SIZE, **chosen)
    timeline = Timeline.load(tmp_path / "f" / "timeline.npz")
    np.testing.assert_allclose(timeline.time_s[0], [0.6, 0.8, 1.0, 1.2, 1.4])
    run_detect(tmp_path / "f", tmp_path / "d")
    assert len(Detections.load(tmp_path / "d" / "cam04.npz").track) == 5


def test_frame_numbers_are_the_common_clock(clip: Clip, tmp_path: Path) -> None:
    late = write_openpose(tmp_path / "late", clip["cam03"], first=5)
    named = {"cam03": late, "cam04": write_openpose(tmp_path / "cam04", clip["cam04"])}
    metrics, _ = run_frames(tmp_path / "f", named, image_fps=20.0, keypoint_size_px=SIZE)
    a, b = Timeline.load(tmp_path / "f" / "timeline.npz").time_s
    assert (a[0], b[0]) == (0.25, 0.0)
    far = {**named, "cam03": write_openpose(tmp_path / "far", clip["cam03"], first=900)}
    with pytest.raises(InputError, match="the cameras have no frame number in common"):
        run_frames(tmp_path / "g", far, image_fps=20.0, keypoint_size_px=SIZE)
    assert metrics["cameras"]["cam03"]["first_frame"] == 5


def test_cameras_that_count_from_different_numbers(clip: Clip, tmp_path: Path) -> None:
    named = {}
    for (name, people), first in zip(list(clip.items())[:2], (0, 1000), strict=True):
        named[name] = write_openpose(tmp_path / name, people[:20], first=first)
    early, late = named
    with pytest.raises(InputError) as caught:
        run_frames(tmp_path / "out", named, image_fps=60.0, keypoint_size_px=SIZE)
    spans = f"no frame number in common: {early} 0 to 19, {late} 1000 to 1019"
    assert spans in caught.value.message
    assert f"take 1000 off the numbers of {late}" in caught.value.hint


def test_what_files_do_not_tell_has_to_be_said(tree: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"do not tell their frame rate\n.*--fps 60"):
        run_frames(tmp_path / "a", tree, keypoint_size_px=SIZE)
    with pytest.raises(InputError, match=r"size is not known of: cam01 \(joints up to.*\n.*--size"):
        run_frames(tmp_path / "b", tree, image_fps=60.0)
    with pytest.raises(InputError, match=r"cam01 has no frame from .*0\.00 s to 0\.32 s"):
        run_frames(tmp_path / "c", tree, image_fps=60.0, keypoint_size_px=SIZE, start_s=9.0)


def test_what_makes_the_result_doubtful_is_said(clip: Clip, tmp_path: Path) -> None:
    named = {}
    for name, people in clip.items():
        small = [[np.array(rows) * (0.5, 0.5, 100) for rows in frame] for frame in people]
        named[name] = write_openpose(tmp_path / name, small)
    settings = {"image_fps": 60.0, "keypoint_size_px": SIZE, "keypoint_skeleton": "body25"}
    metrics, context = run_frames(tmp_path / "f", named, **settings)
    joints, size = metrics["poor"]
    assert "not those of body25" in joints and "upper left of the pictures" in size
    assert [w[:19] for w in metrics["warnings"]] == [f"{n}: scores reach" for n in clip]
    said: list[str] = context.progress.said  # pyright: ignore[reportAttributeAccessIssue]
    assert {joints, size, *metrics["warnings"]} < set(said)
    metrics, _ = run_frames(tmp_path / "g", named, image_fps=60.0, keypoint_size_px=("544x960",))
    assert "poor" not in metrics


def test_videos_and_files_are_not_mixed(tree: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cam01 are keypoint files, b are videos or pictures"):
        run_frames(tmp_path / "f", {"cam01": tree["cam01"], "b": tmp_path / "b.mp4"})


def test_an_interrupted_run_goes_on(
    tree: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"image_fps": 60.0, "keypoint_size_px": SIZE}
    run_frames(tmp_path / "whole", tree, **settings)
    read, count = sources.read_recording, 0

    def counting(path: Path, camera: str) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return read(path, camera)

    monkeypatch.setattr(sources, "read_recording", counting)
    with pytest.raises(KeyboardInterrupt):
        run_frames(tmp_path / "broken", tree, **settings)
    run_frames(tmp_path / "broken", tree, **settings)
    assert count == 5  # two before, two after
    assert published(tmp_path / "broken") == published(tmp_path / "whole")


def test_the_files_own_identities_and_times_are_kept(tmp_path: Path) -> None:
    """What gentri has detected comes back unchanged, whatever its track numbers."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(100, 300, (2, 8, 17, 2)).astype(np.float32)
    time_s = np.linspace(0, 1, 8) ** 2
    size = np.full((2, 2), 400, dtype=np.int32)
    made = Keypoints2D(xy, np.full((2, 8, 17), 0.7, np.float32), time_s, ("a", "b"), size, COCO17)
    made.save(tmp_path / "all.npz")
    run_frames(tmp_path / "f", dict.fromkeys(("a", "b"), tmp_path / "all.npz"))
    np.testing.assert_array_equal(Timeline.load(tmp_path / "f" / "timeline.npz").time_s[1], time_s)
    run_detect(tmp_path / "f", tmp_path / "d")
    seen = Detections.load(tmp_path / "d" / "b.npz")
    np.testing.assert_array_equal(seen.xy_px[:, 0], xy[1])

    renumbered = Detections(seen.xy_px, seen.score, seen.box_px, seen.track + 41, 400, 400, COCO17)
    for name in ("a", "b"):
        renumbered.save(tmp_path / f"{name}.npz")
    again = {name: tmp_path / f"{name}.npz" for name in ("a", "b")}
    run_frames(tmp_path / "f2", again, image_fps=8.0)
    run_detect(tmp_path / "f2", tmp_path / "d2")
    found = Detections.load(tmp_path / "d2" / "a.npz")
    for name, value in vars(renumbered).items():
        np.testing.assert_array_equal(getattr(found, name), value)


def test_who_counts(clip: Clip, tmp_path: Path) -> None:
    """Fragments, doubles and made-up poses are dropped; of too many the most complete stay."""
    whole = np.array(clip["cam03"][0][0])
    beside = np.add(whole, (300, 0, 0))
    fragment = np.where(np.arange(25)[:, None] < 6, np.add(whole, (150, 0, 0)), 0)
    weak = np.add(whole, (600, 0, 0)) * [1, 1, 0.1]
    people = [[fragment, whole, np.add(whole, (1, 1, -0.05)), weak, beside * [1, 1, 0.9]]] * 3
    named = {n: write_openpose(tmp_path / n, people) for n in ("a", "b")}
    run_frames(tmp_path / "f", named, image_fps=9.0, keypoint_size_px=("3000x3000",))
    run_detect(tmp_path / "f", tmp_path / "d")
    seen = Detections.load(tmp_path / "d" / "a.npz")
    at = seen.xy_px[0, :, BODY25B.index("left_hip"), 0]
    hip = whole[BODY25B.index("left_hip"), 0]
    np.testing.assert_allclose(at, [hip, hip + 300], atol=1e-3)
    run_detect(tmp_path / "f", tmp_path / "one", people_max=1)
    seen = Detections.load(tmp_path / "one" / "a.npz")
    np.testing.assert_allclose(seen.xy_px[:, :, 11, 0], hip, atol=1e-3)
    with pytest.raises(InputError, match="no person was found in any camera"):
        run_detect(tmp_path / "f", tmp_path / "none", pose_score_min=1.0)


def test_mmpose_and_openpose_files_give_the_same(clip: Clip, tmp_path: Path) -> None:
    settings = {"image_fps": 60.0, "keypoint_size_px": SIZE}
    made = {}
    for kind in ("openpose", "mmpose"):
        named = {
            name: write_openpose(tmp_path / kind / name, people)
            if kind == "openpose"
            else write_mmpose(tmp_path / kind / f"{name}.json", people)
            for name, people in clip.items()
        }
        run_frames(tmp_path / kind / "f", named, **settings)
        run_detect(tmp_path / kind / "f", tmp_path / kind / "d")
        made[kind] = published(tmp_path / kind / "d")
    assert made["openpose"] == made["mmpose"]


def test_every_joint_set_can_be_chosen() -> None:
    allowed = get_args(get_type_hints(FramesParams)["keypoint_skeleton"])
    assert allowed == ("auto", *SKELETONS)


def test_the_metrics_are_json(tree: dict[str, Path], tmp_path: Path) -> None:
    metrics, _ = run_frames(tmp_path / "f", tree, image_fps=60.0, keypoint_size_px=SIZE)
    assert json.loads(json.dumps(metrics)) == metrics
