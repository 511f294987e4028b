"""CMU Panoptic: units and axes, people as clips, cameras by number, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import h36m_files as files
import numpy as np
import pytest
from people_in_views import triangulated

from gentri.errors import InputError
from gentri.evaluation import evaluate, summarise
from gentri.evaluation.panoptic import JOINTS, read_rig, read_sequence
from gentri.evaluation.protocols import CAMERA_SETS, PUBLISHED, question
from gentri.skeletons import COCO17
from gentri.synthetic import camera_ring

NUMBERS = (3, 6, 12, 23)
FIRST, TICKS = 140, 15
# (x, y, z) of the dataset, y down, from ours, z up.
TO_PANOPTIC = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def rig():
    """Four HD cameras with some distortion, metres, z up."""
    ring = camera_ring(4)
    dist = np.array([-0.22, 0.14, 0.0004, -0.0002, 0.01])
    cameras = [
        replace(c, name=f"00_{n:02d}", dist=dist)
        for c, n in zip(ring.cameras, NUMBERS, strict=True)
    ]
    return replace(ring, cameras=tuple(cameras))


def joints19(coco: np.ndarray) -> list[float]:
    """A body (17, 3), as the dataset writes it; nobody's left ear is found."""
    at = {joint: xyz for joint, xyz in zip(COCO17.joints, coco, strict=True)}
    at["neck"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    at["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    rows = []
    for joint in JOINTS:
        x, y, z = 100 * TO_PANOPTIC @ at[joint]
        rows += [0.0, 0.0, 0.0, -1.0] if joint == "left_ear" else [x, y, z, 0.7]
    return rows


@pytest.fixture
def people() -> dict[int, np.ndarray]:
    first, second = files.people(2, TICKS)
    return {0: first, 7: second + np.array([1.2, 0.5, 0.0])}


@pytest.fixture
def sequence(tmp_path: Path, people) -> Path:
    """A sequence; person 7 is away in the middle."""
    folder = tmp_path / "171204_pose1"
    poses = folder / "hdPose3d_stage1_coco19"
    poses.mkdir(parents=True)
    entries = [{"name": "01_01", "type": "vga", "resolution": [640, 480]}]
    for c in rig().cameras:
        pose = {"R": (c.cam_from_world.R @ TO_PANOPTIC.T).tolist()}
        pose["t"] = (100 * c.cam_from_world.t[:, None]).tolist()
        lens = {"K": c.K.tolist(), "distCoef": c.dist.tolist()}
        size = {"resolution": [c.width, c.height]}
        entries.append({"name": c.name, "type": "hd", "panel": 0, **lens, **pose, **size})
    calibration = folder / f"calibration_{folder.name}.json"
    calibration.write_text(json.dumps({"calibDataSource": "x", "cameras": entries}))
    for t in range(TICKS):
        bodies = [
            {"id": n, "joints19": joints19(xyz[t])}
            for n, xyz in people.items()
            if not (n == 7 and 6 <= t < 9)
        ]
        content = {"version": 0.7, "univTime": 1.5, "fpsType": "hd_29_97", "bodies": bodies}
        (poses / f"body3DScene_{FIRST + t:08d}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def keypoints(tmp_path: Path, people) -> Path:
    for c in rig().cameras:
        folder = tmp_path / "keypoints" / f"hd_{c.name}"
        files.write_openpose(folder, c, list(people.values()), range(FIRST, FIRST + TICKS))
    return tmp_path / "keypoints"


def test_cameras_are_in_metres_with_z_up(sequence: Path) -> None:
    found = read_rig(sequence, (12, 3))
    assert found.names == ("00_12", "00_03")
    for a, b in zip(found.cameras, rig().select(found.names).cameras, strict=True):
        np.testing.assert_allclose(a.center, b.center, atol=1e-9)
        np.testing.assert_allclose(a.cam_from_world.R, b.cam_from_world.R, atol=1e-12)
        np.testing.assert_array_equal(a.dist, b.dist)


def test_every_person_is_a_clip_until_a_break(sequence: Path, keypoints: Path, people) -> None:
    found = read_sequence(sequence, keypoints, NUMBERS)
    assert np.bincount(found.clip).tolist() == [TICKS, 6, 6]
    body = COCO17.body
    np.testing.assert_allclose(found.truth[:TICKS, body], people[0][:, body], atol=1e-9)
    np.testing.assert_allclose(found.truth[TICKS:, body][:6], people[7][:6, body], atol=1e-9)
    assert np.isnan(found.truth[:, COCO17.index("left_ear")]).all()
    np.testing.assert_allclose(found.keypoints.time_s[0], FIRST / 29.97)
    errors = summarise(evaluate(triangulated, [found]))
    assert errors.absolute_mm.mean < 0.1
    assert errors.coverage > 0.95


def test_detections_far_from_a_person_are_of_somebody_else(
    sequence: Path, tmp_path: Path, people
) -> None:
    for c in rig().cameras:  # only the first person was detected
        numbers = range(FIRST, FIRST + TICKS)
        files.write_openpose(tmp_path / "one" / c.name, c, [people[0]], numbers)
    found = read_sequence(sequence, tmp_path / "one", NUMBERS)
    seen = np.isfinite(found.keypoints.score).any(axis=-1)
    assert seen[:, found.clip == 0].mean() > 0.95
    assert seen[:, found.clip > 0].mean() < 0.3


def test_absent_cameras_and_files_are_refused(
    sequence: Path, keypoints: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no HD camera 00_30, but 00_03, 00_06, 00_12, 00_23"):
        read_sequence(sequence, keypoints, (3, 30))
    with pytest.raises(InputError, match=r"calibration_nowhere\.json cannot be read"):
        read_rig(tmp_path / "nowhere", NUMBERS)
    (keypoints / "hd_00_06").rename(keypoints / "elsewhere")
    with pytest.raises(InputError, match=r"has no detections of 00_06, but of .*elsewhere"):
        read_sequence(sequence, keypoints, NUMBERS)
    (keypoints / "elsewhere").rename(keypoints / "hd_00_06")
    for file in (sequence / "hdPose3d_stage1_coco19").iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"has nobody in 0 files.*\n.*unpack"):
        read_sequence(sequence, keypoints, NUMBERS)


def test_bodies_of_another_format_are_refused(sequence: Path, keypoints: Path) -> None:
    path = next((sequence / "hdPose3d_stage1_coco19").iterdir())
    path.write_text(json.dumps({"bodies": [{"id": 0, "joints19": [1.0] * 60}]}))
    with pytest.raises(InputError, match="a body has 60 numbers, needed are 76"):
        read_sequence(sequence, keypoints, NUMBERS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "has no list of bodies"),
        ({"bodies": None}, "has no list of bodies"),
        ({"bodies": [3]}, "has no list of bodies"),
        ({"bodies": [{"id": 0, "joints15": []}]}, "one of its bodies has no joints19"),
        ({"bodies": [{"joints19": [1.0] * 76}]}, "one of its bodies has no id"),
        ({"bodies": [{"id": 0, "joints19": ["far"] * 76}]}, "a body is not made of numbers"),
        ({"bodies": [{"id": "a", "joints19": [1.0] * 76}]}, "a body is not made of numbers"),
    ],
)
def test_damaged_files_of_poses_are_refused(
    sequence: Path, keypoints: Path, content: object, said: str
) -> None:
    path = next((sequence / "hdPose3d_stage1_coco19").iterdir())
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"{path.name}.*{said}"):
        read_sequence(sequence, keypoints, NUMBERS)


def test_files_without_a_number_are_none_of_the_poses(sequence: Path, keypoints: Path) -> None:
    poses = sequence / "hdPose3d_stage1_coco19"
    (poses / f"body3DScene_{FIRST:08d} (copy).json").write_text("")
    found = read_sequence(sequence, keypoints, NUMBERS)
    assert np.bincount(found.clip).tolist() == [TICKS, 6, 6]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"calibDataSource": "x"}, "has no list of cameras"),
        ([], "has no list of cameras"),
        ({"cameras": [{"type": "hd"}]}, "one of its cameras has no name"),
        ({"cameras": [{"name": "00_03"}]}, "one of its cameras has no type"),
    ],
)
def test_damaged_calibrations_are_refused(sequence: Path, content: object, said: str) -> None:
    (sequence / f"calibration_{sequence.name}.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=said):
        read_rig(sequence, NUMBERS)


def test_protocols_are_those_of_the_paper() -> None:
    assert [len(CAMERA_SETS[name]) for name in ("CMU1", "CMU2", "CMU3", "CMU4", "H36M")] == [
        *(7, 7, 4, 10, 4)
    ]
    assert not set(CAMERA_SETS["CMU1"]) & set(CAMERA_SETS["CMU2"])
    assert {p.question: p.mpjpe_mm for p in PUBLISHED} == {
        "base": 29.1,
        "intra": 25.6,
        "inter": 31.0,
    }
    assert question("CMU Panoptic", "CMU1", "CMU Panoptic", "CMU2") == "intra"
    assert question("Human3.6M", "H36M", "Human3.6M", "H36M") == "base"
    assert question("CMU Panoptic", "CMU3", "Human3.6M", "H36M") == "inter"
