from pathlib import Path
from typing import Any

import mmengine
import pytest

from gentri.detectors.openmmlab import prepare

prepare()

import mmdet  # noqa: E402
import mmpose  # noqa: E402

from gentri.detectors import rtm  # noqa: E402
from gentri.detectors.topdown import published_mirror  # noqa: E402
from gentri.skeletons import SKELETONS  # noqa: E402

MMPOSE = Path(mmpose.__file__).parent / ".mim"
MMDET = Path(mmdet.__file__).parent / ".mim"
BODY8 = "configs/body_2d_keypoint/rtmpose/body8/rtmpose-"
WHOLE = "configs/wholebody_2d_keypoint/rtmpose/coco-wholebody/rtmpose-"
PUBLISHED = {
    ("t", 17): f"{BODY8}t_8xb256-420e_body8-256x192.py",
    ("s", 17): f"{BODY8}s_8xb256-420e_body8-256x192.py",
    ("m", 17): f"{BODY8}m_8xb256-420e_body8-256x192.py",
    ("l", 17): f"{BODY8}l_8xb256-420e_body8-256x192.py",
    ("t", 26): f"{BODY8}t_8xb1024-700e_body8-halpe26-256x192.py",
    ("s", 26): f"{BODY8}s_8xb1024-700e_body8-halpe26-256x192.py",
    ("m", 26): f"{BODY8}m_8xb512-700e_body8-halpe26-256x192.py",
    ("l", 26): f"{BODY8}l_8xb512-700e_body8-halpe26-256x192.py",
    ("m", 133): f"{WHOLE}m_8xb64-270e_coco-wholebody-256x192.py",
    ("l", 133): f"{WHOLE}l_8xb64-270e_coco-wholebody-256x192.py",
}
# What differs on purpose or has no bearing on inference.
NEUTRAL = {
    "init_cfg",
    "norm_cfg",
    "act_cfg",
    "train_cfg",
    "loss",
    "loss_cls",
    "loss_bbox",
    "_scope_",
}


def essential(config: Any) -> Any:
    if isinstance(config, dict):
        return {k: essential(v) for k, v in config.items() if k not in NEUTRAL and v is not None}
    return [essential(v) for v in config] if isinstance(config, (list, tuple)) else config


@pytest.mark.parametrize(("size", "joints"), PUBLISHED)
def test_rtmpose_is_the_published_network(size: str, joints: int) -> None:
    published = mmengine.Config.fromfile(MMPOSE / PUBLISHED[size, joints]).model.to_dict()
    assert essential(rtm.rtmpose(size, joints)) == essential(published)


@pytest.mark.parametrize(
    ("size", "file"),
    [("nano", "rtmdet_nano_320-8xb32_coco-person.py"), ("m", "rtmdet_m_640-8xb32_coco-person.py")],
)
def test_rtmdet_is_the_published_network(size: str, file: str) -> None:
    published = mmengine.Config.fromfile(MMPOSE / "demo/mmdetection_cfg" / file)
    assert essential(rtm.rtmdet_person(size)) == essential(published.model.to_dict())


@pytest.mark.parametrize(
    ("skeleton", "file"),
    [("coco17", "coco"), ("halpe26", "halpe26"), ("wholebody133", "coco_wholebody")],
)
def test_joints_are_in_the_published_order(skeleton: str, file: str) -> None:
    info = mmengine.Config.fromfile(MMPOSE / f"configs/_base_/datasets/{file}.py").dataset_info
    names = [info.keypoint_info[i]["name"] for i in range(len(info.keypoint_info))]
    joints = SKELETONS[skeleton].joints
    assert len(joints) == len(names)
    # The points of faces and hands have names of their own there.
    own = sum(not j.startswith("face_") and "_hand_" not in j for j in joints)
    assert list(joints[:own]) == names[:own]


@pytest.mark.parametrize("name", ["coco17", "halpe26", "wholebody133"])  # those of the detectors
def test_mirror_agrees_with_the_skeleton(name: str) -> None:
    skeleton = SKELETONS[name]
    published = published_mirror(skeleton)
    assert [published[published[i]] for i in range(len(published))] == list(range(len(published)))
    body = [i for i, j in enumerate(skeleton.joints) if not j.startswith("face_")]
    assert [published[i] for i in body] == skeleton.mirror[body].tolist()
