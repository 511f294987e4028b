"""Human3.6M in its layouts: exact detections triangulate to the truth, wherever they come from."""

import shutil
from pathlib import Path

import h36m_files as files
import numpy as np
import pytest
from people_in_views import triangulated

from gentri.errors import InputError
from gentri.evaluation import evaluate, summarise
from gentri.evaluation.human36m import read_labels, read_positions
from gentri.evaluation.human36m_cameras import read_cameras
from gentri.skeletons import COCO17, H36M17, MPII16

FRAMES = np.arange(0, 60, 5)
ACTIONS = ("Directions-2", "Walking-1", "Waiting-1")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels of two subjects and OpenPose files, with another person in every picture."""
    root = tmp_path_factory.mktemp("h36m")
    names = [(subject, action) for subject in ("S9", "S11") for action in ACTIONS]
    walks = files.people(len(names), len(FRAMES))
    clips = dict(zip(names, walks, strict=True))
    files.write_labels(root / "labels.npy", clips, FRAMES)
    for (subject, action), xyz in clips.items():
        for camera in files.rig().cameras:
            if (subject, action, camera.name) == ("S11", "Directions-2", "54138969"):
                continue  # the dataset lacks this video
            other = xyz[::-1] + np.array([1.5, 0.4, 0.0])
            folder = root / "keypoints" / subject / action / camera.name
            files.write_openpose(folder, camera, [other, xyz], FRAMES + 1)
    return root


def test_labels_and_keypoint_files_make_sets(labelled: Path) -> None:
    s9, s11 = read_labels(labelled / "labels.npy", labelled / "keypoints")
    assert (s9.name, s11.name) == ("S9", "S11")
    assert s9.skeleton == COCO17
    assert s9.rig.names == files.CAMERAS
    assert len(np.unique(s9.clip)) == 2  # Waiting-1 of S9 is damaged
    assert len(np.unique(s11.clip)) == 3
    np.testing.assert_allclose(np.diff(s9.keypoints.time_s[:12]), 0.1)
    assert np.isnan(s9.truth[:, COCO17.index("nose")]).all()
    found = summarise(evaluate(triangulated, [s9, s11]))
    assert found.absolute_mm.mean < 0.1
    assert found.coverage == 1


def test_a_video_that_is_not_there_saw_nothing(labelled: Path) -> None:
    (s11,) = read_labels(labelled / "labels.npy", labelled / "keypoints", subjects=("S11",))
    seen = np.isfinite(s11.keypoints.score).any(axis=-1)
    assert not seen[0, s11.clip == 0].any()
    assert seen[1:].all() and seen[0, s11.clip > 0].all()


def test_detections_of_the_cameras_asked_for_are_enough(labelled: Path, tmp_path: Path) -> None:
    keypoints, views = tmp_path / "keypoints", files.CAMERAS[:2]
    for subject, action in [("S9", "Walking-1"), ("S9", "Directions-2")]:
        for view in views:
            taken = Path(subject, action, view)
            shutil.copytree(labelled / "keypoints" / taken, keypoints / taken)
    (s9,) = read_labels(labelled / "labels.npy", keypoints, subjects=("S9",), views=views[::-1])
    assert s9.rig.names == s9.keypoints.cameras == views[::-1]
    assert summarise(evaluate(triangulated, [s9])).absolute_mm.mean < 0.1


def test_an_action_that_one_of_the_cameras_recorded_is_left_out(labelled: Path) -> None:
    paths = (labelled / "labels.npy", labelled / "keypoints")
    (s11,) = read_labels(*paths, subjects=("S11",), views=files.CAMERAS[:2])
    assert len(np.unique(s11.clip)) == 2


def test_detections_may_be_in_the_tree_of_the_pictures(labelled: Path, tmp_path: Path) -> None:
    for action in ("Walking-1", "Directions-2"):
        pictures = tmp_path / "S9" / action / "imageSequence"
        shutil.copytree(labelled / "keypoints" / "S9" / action, pictures)
    (s9,) = read_labels(labelled / "labels.npy", tmp_path, subjects=("S9",))
    assert summarise(evaluate(triangulated, [s9])).coverage == 1


def test_frames_are_counted_from_the_number_that_is_said(labelled: Path) -> None:
    with_zero = {"subjects": ("S9",), "first_number": 0}
    (off,) = read_labels(labelled / "labels.npy", labelled / "keypoints", **with_zero)
    assert np.isnan(off.keypoints.score).all()  # numbers 0, 5 …; the files have 1, 6 …


def test_absent_detections_and_subjects_are_refused(labelled: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"S9.Directions-2 does not exist"):
        read_labels(labelled / "labels.npy", tmp_path)
    only = tmp_path / "S11" / "Directions-2"
    for camera in files.rig().cameras[2:]:
        files.write_openpose(only / camera.name, camera, files.people(1, len(FRAMES)), FRAMES + 1)
    with pytest.raises(InputError, match=r"no detections of 55011271, but of 58860488, 60457274"):
        read_labels(labelled / "labels.npy", tmp_path, subjects=("S11",))
    with pytest.raises(InputError, match="has no cameras of S1, but of S9, S11"):
        read_labels(labelled / "labels.npy", labelled / "keypoints", subjects=("S1",))


@pytest.fixture
def clips() -> dict[tuple[str, str], np.ndarray]:
    names = [("S9", "Directions"), ("S9", "Waiting 1"), ("S11", "Walking 1")]
    return dict(zip(names, files.people(3, 23), strict=True))


def test_files_of_videopose_make_sets(clips, tmp_path: Path) -> None:
    files.write_camera_json(tmp_path / "camera-parameters.json", ["S9", "S11"])
    three, two = files.write_videopose(tmp_path, clips)
    s9, s11 = read_positions(three, two, tmp_path / "camera-parameters.json")
    assert s9.skeleton == H36M17
    assert len(s9.keypoints.time_s) == len(s11.keypoints.time_s) == 23
    assert np.isfinite(s9.truth).all(axis=(1, 2)).nonzero()[0].tolist() == [0, 5, 10, 15, 20]
    np.testing.assert_allclose(
        s11.truth[::5], files.h36m(clips["S11", "Walking 1"])[::5], atol=1e-6
    )
    found = summarise(evaluate(triangulated, [s9, s11]))
    assert found.absolute_mm.mean < 0.1
    assert found.coverage == 1
    (all_of_them,) = read_positions(
        three, two, tmp_path / "camera-parameters.json", subjects=("S11",), every=1
    )
    assert np.isfinite(all_of_them.truth).all()


def test_other_layouts_of_joints_are_known_by_the_metadata(clips, tmp_path: Path) -> None:
    files.write_camera_json(tmp_path / "c.json", ["S9", "S11"])
    paths = files.write_videopose(tmp_path, clips, metadata={"layout_name": "coco"})
    s9, _ = read_positions(*paths, tmp_path / "c.json")
    assert s9.skeleton == COCO17
    sixteen = {"num_joints": 16, "keypoints_symmetry": [[3, 4, 5], [0, 1, 2]]}
    paths = files.write_videopose(tmp_path, clips, metadata=sixteen)
    with pytest.raises(InputError, match=r"array of .*\n.*needed: .*, 16 joints"):
        read_positions(*paths, tmp_path / "c.json")
    paths = files.write_videopose(tmp_path, clips, metadata={"layout_name": "humaneva15"})
    with pytest.raises(InputError, match=r"layout 'humaneva15'\n.*h36m, coco, mpii"):
        read_positions(*paths, tmp_path / "c.json")


def test_what_does_not_belong_together_is_refused(clips, tmp_path: Path) -> None:
    files.write_camera_json(tmp_path / "c.json", ["S9", "S11"])
    three, two = files.write_videopose(tmp_path, clips, extra=-1)
    with pytest.raises(
        InputError,
        match=r"54138969 has an array of \(22, 17, 2\)\n.*needed: at least 23 frames, 17 joints",
    ):
        read_positions(three, two, tmp_path / "c.json")
    with pytest.raises(InputError, match="has no positions_3d"):
        read_positions(two, three, tmp_path / "c.json")
    with pytest.raises(InputError, match="has no S1, but S9, S11"):
        files.write_camera_json(tmp_path / "c.json", ["S1"])
        read_positions(three, two, tmp_path / "c.json", subjects=("S1",))
    other = tmp_path / "other"
    other.mkdir()
    _, fewer = files.write_videopose(other, {("S11", "Walking 1"): clips["S11", "Walking 1"]})
    files.write_camera_json(tmp_path / "c.json", ["S9", "S11"])
    with pytest.raises(InputError, match="has no S9, but S11"):
        read_positions(three, fewer, tmp_path / "c.json")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """3d-pose-baseline's folder."""
    names = [("S9", "Directions 1"), ("S9", "Waiting 1"), ("S11", "Walking"), ("S11", "Directions")]
    files.write_tree(tmp_path, dict(zip(names, files.people(4, 23), strict=True)))
    files.write_camera_json(tmp_path / "c.json", ["S9", "S11"])
    return tmp_path


def test_the_tree_of_3d_pose_baseline_makes_sets(tree: Path) -> None:
    s9, s11 = read_positions(tree, tree, tree / "c.json")
    assert s9.skeleton == s11.skeleton == MPII16
    assert len(np.unique(s9.clip)) == 1 and len(np.unique(s11.clip)) == 2
    seen = np.isfinite(s11.keypoints.score).all(axis=-1)  # Directions comes first
    assert seen[1:].all() and seen[0].tolist() == [False] * 23 + [True] * 23
    found = summarise(evaluate(triangulated, [s9, s11]))
    assert found.absolute_mm.mean < 0.1
    assert found.coverage == 1
    (two,) = read_positions(tree, tree, tree / "c.json", subjects=("S11",), views=files.CAMERAS[:2])
    assert two.rig.names == files.CAMERAS[:2] and len(np.unique(two.clip)) == 1


def test_a_tree_that_is_not_whole_is_refused(tree: Path) -> None:
    seen = tree / "S9" / "StackedHourglass"
    (seen / "Directions_1.58860488.h5").unlink()
    three = files.CAMERAS[:2] + files.CAMERAS[3:]
    s9 = {"subjects": ("S9",)}
    assert len(read_positions(tree, tree, tree / "c.json", **s9, views=three)) == 1
    with pytest.raises(InputError, match="no detections of S9 Directions 1 by 58860488"):
        read_positions(tree, tree, tree / "c.json", **s9)
    (seen / "Directions_1.55011271.h5").write_bytes(b"")
    with pytest.raises(InputError, match=r"Directions_1\.55011271\.h5 has no numbers 'poses'"):
        read_positions(tree, tree, tree / "c.json", **s9)
    truth = tree / "S9" / "MyPoses" / "3D_positions"
    (seen / "Directions_1.54138969.h5").rename(truth / "Directions 1.h5")
    with pytest.raises(InputError, match=r"Directions 1\.h5 has no numbers '3D_positions'"):
        read_positions(tree, tree, tree / "c.json", **s9)
    with pytest.raises(InputError, match=r"S1/MyPoses/3D_positions has no files"):
        read_positions(tree, tree, tree / "c.json", subjects=("S1",))


def write_h5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for c, camera in enumerate(files.rig().cameras, start=1):
            group = file.create_group(f"subject11/camera{c}")
            k1, k2, p1, p2, k3 = camera.dist
            group["R"] = camera.cam_from_world.R.T
            group["T"] = 1e3 * camera.center[:, None]
            group["f"] = np.diag(camera.K)[:2, None]
            group["c"] = camera.K[:2, 2:]
            group["k"] = np.array([[k1], [k2], [k3]])
            group["p"] = np.array([[p1], [p2]])
            group["Name"] = np.array([[ord(letter)] for letter in camera.name], dtype=np.uint16)


@pytest.mark.parametrize("name", ["labels.npy", "camera-parameters.json", "cameras.h5"])
def test_every_file_of_cameras_says_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".npy":
        files.write_labels(path, {("S11", "Walking-1"): files.people(1, 12)[0]}, FRAMES)
    elif path.suffix == ".json":
        files.write_camera_json(path, ["S11"])
    else:
        write_h5(path)
    found, expected = read_cameras(path)["S11"], files.rig()
    assert found.names == expected.names
    for a, b in zip(found.cameras, expected.cameras, strict=True):
        assert (a.width, a.height) == (b.width, b.height)
        np.testing.assert_allclose(a.K, b.K, rtol=1e-6)
        np.testing.assert_allclose(a.dist, b.dist, atol=1e-6)
        np.testing.assert_allclose(a.cam_from_world.R, b.cam_from_world.R, atol=1e-6)
        np.testing.assert_allclose(a.cam_from_world.t, b.cam_from_world.t, atol=1e-5)


def test_cameras_that_are_missing_are_named(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    files.write_camera_json(path, ["S9"])
    path.write_text(path.read_text().replace("60457274", "00000001"))
    with pytest.raises(InputError, match="S9 has no camera 60457274"):
        read_cameras(path)
    with pytest.raises(InputError, match="give human36m-multiview-labels"):
        read_cameras(tmp_path / "cameras.xml")
    path.write_text("{}")
    with pytest.raises(InputError, match="is laid out otherwise"):
        read_cameras(path)
