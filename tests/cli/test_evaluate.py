"""`gentri eval` as a user calls it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gentri.cli.app import app
from gentri.evaluation.datasets import DATASETS
from gentri.evaluation.human36m_cameras import CAMERAS
from gentri.evaluation.protocols import CAMERA_SETS
from gentri.evaluation.synthetic import SUITES
from gentri.geometry.cameras import project
from gentri.ransac.estimators import METHODS
from gentri.skeletons import COCO17
from gentri.synthetic import camera_ring, walk

CLIPS = Path(__file__).parents[2] / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
# Of Human3.6M's 32 joints those that `COCO17.body` names, left and right in turn.
PLACES = (17, 25, 18, 26, 19, 27, 6, 1, 7, 2, 8, 3)
SMALL = ("--motion", str(CLIPS), "--frames", "100")


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


def refusal(*arguments: object, code: int = 2) -> str:
    done = evaluate(*arguments)
    assert done.exit_code == code, done.output
    assert "  → " in done.stderr
    return done.stderr


def test_tables_for_people() -> None:
    done = evaluate(*SMALL, "--views", "2,3", "--methods", "irls,dlt", "--per-joint")
    assert done.exit_code == 0, done.stderr
    two, three = done.stdout.split("sketch (")[1:]
    assert "2 views, 1 takes, subjects 05, 06, 07, 08, 16: those kept out of training" in two
    assert "3 views" in three
    for part in (two, three):
        assert [line.split()[0] for line in part.splitlines()[2:5]] == ["method", "irls", "dlt"]
        assert "irls less dlt: -" in part
        assert "\nleft_wrist " in part


def test_a_document_for_machines() -> None:
    words = (*SMALL, "--on", "flat-scores", "--methods", "dlt,irls", "--views", 4, "--json")
    found = json.loads(evaluate(*words).stdout)
    (test,) = found["tests"]
    assert found["on"] == "flat-scores" and test["views"] == 4
    dlt, irls = test["methods"]["dlt"], test["methods"]["irls"]
    difference = test["first_less_other_mm"]["irls"]
    means = dlt["absolute_mm"]["mean"] - irls["absolute_mm"]["mean"]
    assert difference["mean"] == pytest.approx(means) and means > 10
    assert dlt["absolute_mm"]["low"] is None  # a single take has no interval
    assert dlt["coverage"] == irls["coverage"] > 0.9
    assert len(dlt["joints_mm"]) == 17
    assert evaluate(*words, "--seed", 0).stdout == evaluate(*words).stdout
    assert evaluate(*words, "--seed", 1).stdout != evaluate(*words).stdout


@pytest.fixture
def human36m(tmp_path: Path) -> Path:
    """One walk of S9 in VideoPose3D's files, with exact detections of COCO's joints."""
    person, cameras = walk(np.random.default_rng(0), 20).xyz, camera_ring(4).cameras
    three = np.zeros((20, 32, 3), np.float32)
    for place, joint in zip(PLACES, COCO17.body, strict=True):
        three[:, place] = person[:, joint]
    two = [project(c, person).astype(np.float32) for c in cameras]
    for name, content in (("3d_h36m", three), ("2d_h36m_exact", two)):
        members = {f"positions_{name[:2]}": {"S9": {"Walking": content}}}
        members["metadata"] = {"layout_name": "coco"}
        np.savez(tmp_path / f"data_{name}.npz", **members)  # pyright: ignore[reportArgumentType]
    poses, lenses = {}, {}
    for name, c in zip(CAMERAS, cameras, strict=True):
        pose = c.cam_from_world
        poses[name] = {"R": pose.R.tolist(), "t": (1e3 * pose.t).tolist()}
        lenses[name] = {"calibration_matrix": c.K.tolist(), "distortion": c.dist.tolist()}
    content = {"intrinsics": lenses, "extrinsics": {"S9": poses}}
    (tmp_path / "camera-parameters.json").write_text(json.dumps(content))
    return tmp_path


def test_a_dataset_of_ones_own(human36m: Path) -> None:
    words = ("--on", "human36m", "--data", human36m, "--methods", "dlt")
    done = evaluate(*words, "--subjects", "S9", "--cameras", "0,2,3", "--json")
    (test,) = json.loads(done.stdout)["tests"]
    assert test["cameras"] == [0, 2, 3] and test["sets"] == ["S9"]
    assert test["methods"]["dlt"]["absolute_mm"]["mean"] < 0.1
    assert test["methods"]["dlt"]["joints_mm"]["nose"] is None
    title = "human36m, cameras 0, 1, 2, 3, of S9"
    assert title in evaluate(*words, "--subjects", "S9").stdout
    assert "has no cameras of S11, but of S9" in refusal(*words, "--subjects", "S11", code=1)


def test_detections_of_nobody_are_refused(human36m: Path) -> None:
    path = human36m / "data_2d_h36m_exact.npz"
    nobody = {"S9": {"Walking": [np.full((20, 17, 2), np.nan, np.float32)] * 4}}
    np.savez(path, positions_2d=nobody, metadata={"layout_name": "coco"})  # pyright: ignore[reportArgumentType]
    words = ("--on", "human36m", "--data", human36m, "--subjects", "S9", "--methods", "irls,dlt")
    said = "nothing can be measured of S9: no two cameras detected a joint"
    assert said in refusal(*words, code=1)
    assert "does not exist" in refusal(*words, "--data", human36m / "nope", code=1)


def test_refusals_say_what_to_do() -> None:
    dlt = ("--methods", "dlt")
    assert "--on sketch needs motion of people" in refusal(*dlt)
    assert "examples/cmu_mocap/cmu_subset_10hz.npz" in refusal(*dlt)
    assert "unknown suite or dataset: skech" in refusal("--on", "skech")
    assert "did you mean sketch?" in refusal("--on", "skech")
    assert "--on panoptic needs a copy of the dataset" in refusal("--on", "panoptic", *dlt)
    assert "unknown method: dtl" in refusal(*SMALL, "--methods", "dtl")
    assert "--methods names none" in refusal(*SMALL, "--methods", ",")
    assert "--views 1: numbers from 2 on" in refusal(*SMALL, *dlt, "--views", "1")
    assert "--views many" in refusal(*SMALL, *dlt, "--views", "many")
    assert "no motion of subject 99" in refusal(*SMALL, *dlt, "--subjects", "99", code=1)


def test_options_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    assert "--cameras: not for --on sketch" in refusal(*SMALL, "--cameras", "CMU1")
    words = ("--on", "panoptic", "--data", tmp_path, "--methods", "dlt")
    assert "--views, --seed: not for --on panoptic" in refusal(*words, "--views", 4, "--seed", 1)
    assert "--subjects: not for --on panoptic" in refusal(*words, "--subjects", "S9")


def test_help_names_all_there_is_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gentri.cli.app import main\ntry:\n    main()\nfinally:\n"
        "    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "eval", "--help"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not {"torch", "numpy", "scipy"} & set(done.stderr.split())
    words = set(done.stdout.replace(",", " ").replace(".", " ").split())
    wanted = {n for n in (*SUITES, *DATASETS, *METHODS, *CAMERA_SETS) if "." not in n}
    assert wanted <= words
