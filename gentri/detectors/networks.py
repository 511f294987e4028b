"""The networks behind MMPose's and MMDetection's model interface, and the time spent in them."""

import threading
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from gentri.data import FloatArray
from gentri.detectors.checkpoints import load_strictly
from gentri.detectors.crops import Fitted, Image, Region, fit
from gentri.detectors.openmmlab import prepare

prepare()

import mmdet.models  # noqa: E402, F401  (fills the registries)
import mmpose.models  # noqa: E402, F401
from mmdet.registry import MODELS as MMDET_MODELS  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402
from mmengine.config import ConfigDict  # noqa: E402
from mmengine.registry import DefaultScope, Registry  # noqa: E402
from mmengine.structures import InstanceData  # noqa: E402
from mmpose.registry import MODELS as MMPOSE_MODELS  # noqa: E402
from mmpose.structures import PoseDataSample  # noqa: E402

from gentri.detectors import movenet, movenet_heads  # noqa: E402, F401

_RGB_TO_UNIT = {"mean": [127.5] * 3, "std": [127.5] * 3, "bgr_to_rgb": True}  # 0…255 → −1…1
_RTMDET_GREY = 114  # of the padding in training


class Network:
    """One model on one device. May be called from several threads at once.

    Attributes:
        seconds: time spent inside the network so far, transfers to the device included; that of
            simultaneous calls adds up.
    """

    def __init__(self, registry: Registry, config: dict[str, Any], weights: Path, device: str):
        with DefaultScope.overwrite_default_scope(registry.scope):
            model: Any = registry.build(ConfigDict(config))
        load_strictly(model, weights)
        # Depthwise convolutions on a CPU are twice as fast with the channels last.
        self.model = model.to(device).to(memory_format=torch.channels_last).eval()
        self.seconds = 0.0
        self._counting = threading.Lock()

    def __call__(self, images: list[Image], samples: list[Any]) -> list[Any]:
        """Results per image, as the library's data samples."""
        inputs = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2))
        started = time.perf_counter()
        with torch.inference_mode():
            results = self.model.test_step({"inputs": inputs, "data_samples": samples})
        spent = time.perf_counter() - started
        with self._counting:
            self.seconds += spent
        return results


class PersonFinder(Protocol):
    """Finds the boxes of people in whole frames."""

    network: Network

    def fit(self, image: Image) -> Fitted:
        """A frame as the network's input. Safe to call in helper threads."""
        ...

    def find(self, frames: list[Fitted]) -> list[tuple[FloatArray, FloatArray]]:
        """Boxes (N, 4) and scores (N,) per frame, in the pixels of the frames given to `fit`."""
        ...


class MultiPoseFinder:
    """MoveNet MultiPose as a person finder; its keypoints are coarse and not used."""

    # Larger sides find smaller people; from 768 px on it takes limbs for people.
    SIDE_PX = 384

    def __init__(self, weights: Path, device: str) -> None:
        config = {
            "type": "BottomupPoseEstimator",
            "data_preprocessor": {"type": "PoseDataPreprocessor", **_RGB_TO_UNIT},
            **_movenet_body(movenet.WIDTH_MULTIPOSE),
            "head": {"type": "MoveNetMultiPoseHead"},
            "test_cfg": {"flip_test": False},
        }
        self.network = Network(MMPOSE_MODELS, config, weights, device)

    def fit(self, image: Image) -> Fitted:
        """A frame as the network's input."""
        return fit(image, self.SIDE_PX, multiple=32)

    def find(self, frames: list[Fitted]) -> list[tuple[FloatArray, FloatArray]]:
        """Boxes and scores per frame."""
        samples = [PoseDataSample(metainfo=_whole(f).metainfo()) for f in frames]
        results = self.network([f.image for f in frames], samples)
        found = [r.pred_instances for r in results]
        return [(_inside(p.bboxes, f), p.bbox_scores) for p, f in zip(found, frames, strict=True)]


class RtmdetFinder:
    """RTMDet with one class.

    Args:
        config: of `gentri.detectors.rtm.rtmdet_person`.
        side: of the square input, pixels.
    """

    def __init__(self, config: dict[str, Any], side: int, weights: Path, device: str) -> None:
        self.side = side
        self.network = Network(MMDET_MODELS, config, weights, device)

    def fit(self, image: Image) -> Fitted:
        """A frame as the network's input, square as in training."""
        return fit(image, self.side, multiple=self.side, fill=_RTMDET_GREY)

    def find(self, frames: list[Fitted]) -> list[tuple[FloatArray, FloatArray]]:
        """Boxes and scores per frame."""
        samples = [
            DetDataSample(
                metainfo={"img_shape": f.used[::-1], "scale_factor": tuple(f.scale.tolist())}
            )
            for f in frames
        ]
        results = self.network([f.image for f in frames], samples)
        found = [r.pred_instances.numpy() for r in results]
        return [(_inside(p.bboxes, f), p.scores) for p, f in zip(found, frames, strict=True)]


class PoseNetwork:
    """A top-down pose model: one person per crop.

    Args:
        config: MMPose model configuration.
        input_size: width and height of a crop, pixels.
        padding: side of the crop over the side of the box.
        mirror: for each joint its left/right counterpart.
    """

    def __init__(
        self,
        config: dict[str, Any],
        input_size: tuple[int, int],
        padding: float,
        mirror: list[int],
        weights: Path,
        device: str,
    ) -> None:
        self.input_size, self.padding, self.mirror = input_size, padding, mirror
        self.network = Network(MMPOSE_MODELS, config, weights, device)

    def estimate(
        self, crops: list[Image], regions: list[Region]
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Keypoints (J, 2) in frame pixels and scores (J,) per crop."""
        results = self.network(crops, [self._sample(region) for region in regions])
        found = [r.pred_instances for r in results]
        return [(p.keypoints[0], np.clip(p.keypoint_scores[0], 0, 1)) for p in found]

    def _sample(self, region: Region) -> PoseDataSample:
        sample = PoseDataSample(metainfo={**region.metainfo(), "flip_indices": self.mirror})
        nowhere = np.full((1, 4), np.nan, dtype=np.float32)  # required, copied through, not used
        sample.gt_instances = InstanceData(bboxes=nowhere, bbox_scores=nowhere[:, 0])
        return sample


def thunder(map_size: tuple[int, int]) -> dict[str, Any]:
    """MMPose model configuration of MoveNet Thunder.

    Args:
        map_size: height and width of the output maps, a quarter of the input's.
    """
    return {
        "type": "TopdownPoseEstimator",
        "data_preprocessor": {"type": "PoseDataPreprocessor", **_RGB_TO_UNIT},
        **_movenet_body(movenet.WIDTH_THUNDER),
        "head": {"type": "MoveNetHead", "map_size": map_size},
        "test_cfg": {"flip_test": True},
    }


def _movenet_body(width: float) -> dict[str, Any]:
    channels = movenet.pyramid_channels(width)
    return {
        "backbone": {"type": "MoveNetBackbone", "width": width},
        "neck": {"type": "MoveNetFPN", "in_channels": channels},
    }


def _whole(frame: Fitted) -> Region:
    """The frame's part of the input in MMPose's terms: x = (u + 0.5) / scale − 0.5."""
    height, width = frame.image.shape[:2]
    scale = np.array([width, height]) / frame.scale
    return Region(scale / 2 + 0.5 / frame.scale - 0.5, scale, (width, height))


def _inside(boxes: FloatArray, frame: Fitted) -> FloatArray:
    """Boxes cut at the edges of the frame."""
    size = np.array(frame.used) / frame.scale
    return np.clip(boxes, -0.5, np.tile(size - 0.5, 2))
