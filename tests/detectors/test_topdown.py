import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gentri.detectors.detector import Detector, People, load_detector
from gentri.detectors.device import pick_device
from gentri.errors import UsageError, WeightsError

CLIP = Path(__file__).parents[2] / "examples" / "balance"
CAMERAS = ("cam01", "cam03")
FRAMES = (0, 33, 66)


def read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None
    return image


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("frames")
    paths: dict[str, list[Path]] = {}
    for camera in CAMERAS:
        video = cv2.VideoCapture(str(CLIP / "videos" / f"{camera}.mp4"))
        images = [video.read()[1] for _ in range(max(FRAMES) + 1)]
        paths[camera] = [folder / f"{camera}_{i}.png" for i in FRAMES]
        for i, path in zip(FRAMES, paths[camera], strict=True):
            cv2.imwrite(str(path), images[i])
    return paths


@pytest.fixture(scope="module")
def movenet() -> Detector:
    return load_detector("movenet", "cpu", box_score_min=0.25, people_max=6)


def openpose(camera: str, frame: int) -> np.ndarray:
    """Another detector's view of the larger person, (17, 3) x y score."""
    everyone = json.loads((CLIP / "openpose_body25b.json").read_text())["people2d"]
    people = [np.array(p)[:17] for p in everyone[camera][frame]]
    return max(people, key=lambda p: np.ptp(p[p[:, 2] > 0.3, 1]))


@pytest.mark.parametrize("camera", CAMERAS)
def test_movenet_agrees_with_another_detector(
    movenet: Detector, frames: dict[str, list[Path]], camera: str
) -> None:
    for frame, people in zip(FRAMES, movenet.detect(frames[camera], read), strict=True):
        reference = openpose(camera, frame)
        sure = reference[:, 2] > 0.5
        away = np.linalg.norm(people.xy_px - reference[:, :2], axis=-1)[:, sure]
        nearest = np.median(away, axis=1).argmin()
        height = np.ptp(reference[sure, 1])
        assert np.median(away[nearest]) < 0.03 * height
        assert people.score[nearest].mean() > 0.5
        x0, y0, x1, y1 = people.box_px[nearest]
        x, y = reference[sure, 0], reference[sure, 1]
        assert np.mean((x > x0) & (x < x1) & (y > y0) & (y < y1)) > 0.8


def test_bystander_is_seen_too(movenet: Detector, frames: dict[str, list[Path]]) -> None:
    assert max(len(p.box_score) for p in movenet.detect(frames["cam01"], read)) == 2


def test_mirrored_frame_gives_mirrored_people(
    movenet: Detector, frames: dict[str, list[Path]]
) -> None:
    path = frames["cam03"][0]
    [direct] = movenet.detect([path], read)
    [mirrored] = movenet.detect([path], lambda p: np.ascontiguousarray(read(p)[:, ::-1]))
    back = mirrored.xy_px[0, movenet.skeleton.mirror]
    back[:, 0] = read(path).shape[1] - 1 - back[:, 0]
    sure = direct.score[0] > 0.4
    # A bias of half an input pixel would show as 4 px; what is left is the finder's own asymmetry.
    assert np.abs(np.median((back - direct.xy_px[0])[sure], axis=0)).max() < 2.0


def test_a_frame_without_people_gives_none(movenet: Detector) -> None:
    empty = np.full((480, 640, 3), 90, np.uint8)
    [people] = movenet.detect([Path("empty")], lambda _: empty)
    assert people.xy_px.shape == (0, 17, 2)
    assert people.score.shape == (0, 17)
    assert people.box_px.shape == (0, 4)


def test_numbers_do_not_depend_on_where_a_sequence_is_cut(
    movenet: Detector, frames: dict[str, list[Path]]
) -> None:
    sequence = frames["cam01"] * 3
    whole = list(movenet.detect(sequence, read))
    parts = [*movenet.detect(sequence[:4], read), *movenet.detect(sequence[4:], read)]
    assert len(whole) == 9
    assert same_bytes(whole, parts)


def test_numbers_do_not_depend_on_the_number_of_cores(
    movenet: Detector, frames: dict[str, list[Path]]
) -> None:
    sequence = frames["cam01"] + frames["cam03"]
    threads = torch.get_num_threads()
    here = list(movenet.detect(sequence, read))
    try:
        for cores in (1, 3):
            torch.set_num_threads(cores)
            detector = load_detector("movenet", "cpu", box_score_min=0.25, people_max=6)
            assert same_bytes(here, list(detector.detect(sequence, read)))
            assert torch.get_num_threads() == cores
    finally:
        torch.set_num_threads(threads)


def same_bytes(one: list[People], other: list[People]) -> bool:
    def content(people: list[People]) -> list[bytes]:
        return [array.tobytes() for frame in people for array in vars(frame).values()]

    return content(one) == content(other)


def test_time_in_networks_is_counted(movenet: Detector, frames: dict[str, list[Path]]) -> None:
    before = movenet.network_seconds
    list(movenet.detect(frames["cam03"][:1], read))
    assert movenet.network_seconds > before


def test_an_unreadable_frame_stops_with_its_error(
    movenet: Detector, frames: dict[str, list[Path]]
) -> None:
    def refuse(path: Path) -> np.ndarray:
        if path == frames["cam03"][1]:
            raise OSError(f"{path} is broken")
        return read(path)

    with pytest.raises(OSError, match="is broken"):
        list(movenet.detect(frames["cam03"], refuse))


@pytest.mark.parametrize("name", ["rtmpose-t", "rtmpose-s-body26", "rtmpose-m-wholebody"])
def test_rtm_with_random_weights_runs_the_same_way(
    random_checkpoint: Callable[[str], Path], frames: dict[str, list[Path]], name: str
) -> None:
    detector = load_detector(name, "cpu", box_score_min=0.0, people_max=3, locate=random_checkpoint)
    found = list(detector.detect(frames["cam01"][:2], read))
    joints = len(detector.skeleton)
    height, width = read(frames["cam01"][0]).shape[:2]
    assert len(found) == 2
    for people in found:
        assert people.xy_px.shape == (len(people.box_score), joints, 2)
        assert np.isfinite(people.xy_px).all()
        assert ((people.score >= 0) & (people.score <= 1)).all()
        assert (people.box_px >= -0.5).all()
        assert (people.box_px[:, [0, 2]] <= width - 0.5).all()
        assert (people.box_px[:, [1, 3]] <= height - 0.5).all()


def test_rtmpose_reads_simcc_out_in_frame_pixels(
    random_checkpoint: Callable[[str], Path],
) -> None:
    from gentri.detectors import rtm
    from gentri.detectors.crops import Region
    from gentri.detectors.networks import PoseNetwork
    from gentri.detectors.topdown import published_mirror
    from gentri.skeletons import COCO17

    mirror = published_mirror(COCO17)
    pose = PoseNetwork(
        rtm.rtmpose("t", 17), rtm.INPUT_SIZE, 1.25, mirror, random_checkpoint("rtmpose-t"), "cpu"
    )
    target = torch.tensor([100.0, 60.0])  # input pixels

    def bins(_features: object) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.zeros(1, 17, 384)
        y = torch.zeros(1, 17, 512)
        x[..., int(target[0] * 2)] = y[..., int(target[1] * 2)] = 0.9
        return x, y

    pose.network.model.test_cfg["flip_test"] = False
    pose.network.model.head.forward = bins
    region = Region(np.array([500.0, 400.0]), np.array([384.0, 512.0]), rtm.INPUT_SIZE)
    [(xy, score)] = pose.estimate([np.zeros((256, 192, 3), np.uint8)], [region])
    np.testing.assert_allclose(xy, np.tile([500 + 4.0 * 2, 400 - 68.0 * 2], (17, 1)), atol=1e-4)
    np.testing.assert_allclose(score, 0.9, atol=1e-6)


def test_absent_weights_say_where_they_come_from_and_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENTRI_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(WeightsError, match="gentri weights fetch rtmdet-m") as caught:
        load_detector("rtmpose-m", "cpu", box_score_min=0.3, people_max=6)
    assert "https://download.openmmlab.com" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="known: movenet, rtmpose-t"):
        load_detector("rtmpose-x", "cpu", box_score_min=0.3, people_max=6)
    with pytest.raises(UsageError, match="no device 'tpu'"):
        pick_device("tpu")
    assert pick_device("auto") in ("cpu", "cuda", "mps")


def test_people_in_a_larger_original() -> None:
    ones = np.ones((1, 17, 2), np.float32)
    box = np.array([[-0.5, -0.5, 539.5, 959.5]], np.float32)
    people = People(ones, ones[..., 0], box, np.ones(1, np.float32))
    larger = people.resized(np.array([2.0, 2.0]))
    np.testing.assert_allclose(larger.xy_px, 2.5)  # the centre of pixel 1 is 1.5 pixels in
    np.testing.assert_allclose(larger.box_px, [[-0.5, -0.5, 1079.5, 1919.5]])
