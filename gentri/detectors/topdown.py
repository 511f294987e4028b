"""Top-down detection: boxes of people first, then the joints of each from its own crop."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from gentri.data import FloatArray
from gentri.detectors import rtm
from gentri.detectors.crops import Fitted, Image, Region, cut, person_region
from gentri.detectors.detector import Model, People
from gentri.detectors.device import pick_device
from gentri.detectors.networks import (
    MultiPoseFinder,
    PersonFinder,
    PoseNetwork,
    RtmdetFinder,
    thunder,
)
from gentri.detectors.streams import batched, map_ahead, one_core_threads
from gentri.skeletons import Skeleton

_BATCH_CPU, _BATCH_GPU = 1, 32  # more slows a CPU down: the maps leave its cache
_WORKERS = 2
_THUNDER_SIZE = (256, 256)
# MultiPose draws its boxes wide. On a real recording with known cameras a crop of 1.05 boxes left
# 10 % less reprojection error than the 1.25 that tight boxes call for.
_THUNDER_PADDING = 1.05
_RTMPOSE_PADDING = 1.25  # as in its training
_RTMDET_SIDE_PX = {"rtmdet-nano": 320, "rtmdet-m": 640}
_META_FILES = {"coco17": "coco", "halpe26": "halpe26", "wholebody133": "coco_wholebody"}


def load_parts(
    name: str, model: Model, device: str, locate: Callable[[str], Path]
) -> tuple[PersonFinder, PoseNetwork]:
    """The two networks of a detector."""
    device = pick_device(device)
    finder_file, pose_file = locate(model.finder), locate(model.pose)
    if name == "movenet":
        maps = (_THUNDER_SIZE[1] // 4, _THUNDER_SIZE[0] // 4)
        mirror = model.skeleton.mirror.tolist()
        return MultiPoseFinder(finder_file, device), PoseNetwork(
            thunder(maps), _THUNDER_SIZE, _THUNDER_PADDING, mirror, pose_file, device
        )
    finder = RtmdetFinder(
        rtm.rtmdet_person(model.finder.removeprefix("rtmdet-")),
        _RTMDET_SIDE_PX[model.finder],
        finder_file,
        device,
    )
    config = rtm.rtmpose(name.split("-")[1], len(model.skeleton))
    mirror = published_mirror(model.skeleton)
    return finder, PoseNetwork(config, rtm.INPUT_SIZE, _RTMPOSE_PADDING, mirror, pose_file, device)


def published_mirror(skeleton: Skeleton) -> list[int]:
    """Left/right counterparts as MMPose publishes them: also those of the points of a face."""
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    file = f"configs/_base_/datasets/{_META_FILES[skeleton.name]}.py"
    published: Any = parse_pose_metainfo({"from_file": file})
    return list(published["flip_indices"])


# A frame on its way: decoded and fitted, with its boxes and their scores, as the people's crops.
_Frame = tuple[Image, Fitted]
_Boxed = tuple[Image, FloatArray, FloatArray]
_Cropped = tuple[FloatArray, FloatArray, list[Region], list[Image]]


class TopDownDetector:
    """A person finder and a pose network, with decoding and cropping beside them.

    Batches are cut from the sequence of frames alone, so that equal frames give equal bytes. See
    `gentri.detectors.detector.load_detector` for the arguments.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        finder: PersonFinder,
        pose: PoseNetwork,
        *,
        box_score_min: float,
        people_max: int,
        batch_size: int,
        workers: int,
    ) -> None:
        self.skeleton, self.finder, self.pose = skeleton, finder, pose
        self.box_score_min, self.people_max = box_score_min, people_max
        self.on_cpu = next(pose.network.model.parameters()).device.type == "cpu"
        self.batch_size = batch_size or (_BATCH_CPU if self.on_cpu else _BATCH_GPU)
        self.network_threads = torch.get_num_threads() if self.on_cpu else 1
        self.workers = workers or _WORKERS
        # The helper threads are the parallelism: OpenCV's own would take the networks' cores.
        cv2.setNumThreads(1)

    @property
    def network_seconds(self) -> float:
        """Time spent inside the two networks so far, the mean of the threads that run them."""
        seconds = self.finder.network.seconds + self.pose.network.seconds
        return seconds / self.network_threads

    def detect(self, frames: Iterable[Path], read: Callable[[Path], Image]) -> Iterator[People]:
        """The people of each frame, in order."""

        def load(path: Path) -> _Frame:
            image = read(path)
            return image, self.finder.fit(image)

        groups = self.network_threads + 1  # one waits while each thread has one
        ahead = groups * self.batch_size
        with ThreadPoolExecutor(self.workers) as helpers, self._network_pool() as networks:
            loaded = map_ahead(helpers, load, frames, ahead)
            found = map_ahead(networks, self._find, batched(loaded, self.batch_size), groups)
            cropped = map_ahead(helpers, self._crop, chain.from_iterable(found), ahead)
            people = map_ahead(networks, self._estimate, batched(cropped, self.batch_size), groups)
            yield from chain.from_iterable(people)

    def _network_pool(self) -> AbstractContextManager[Executor]:
        return one_core_threads(self.network_threads) if self.on_cpu else ThreadPoolExecutor(1)

    def _find(self, group: list[_Frame]) -> list[_Boxed]:
        """Each frame with the boxes and scores of its people, best first."""
        people = []
        boxes = self.finder.find([fitted for _, fitted in group])
        for (image, _), (box, score) in zip(group, boxes, strict=True):
            best = np.argsort(-score, kind="stable")[: self.people_max]
            best = best[score[best] >= self.box_score_min]
            people.append((image, box[best], score[best]))
        return people

    def _crop(self, frame: _Boxed) -> _Cropped:
        image, boxes, scores = frame
        regions = [person_region(box, self.pose.input_size, self.pose.padding) for box in boxes]
        return boxes, scores, regions, [cut(image, region) for region in regions]

    def _estimate(self, group: list[_Cropped]) -> list[People]:
        """The people of a few frames, their crops batched across frames and people."""
        regions = [region for _, _, part, _ in group for region in part]
        crops = [crop for *_, part in group for crop in part]
        poses: list[tuple[FloatArray, FloatArray]] = []
        for batch in batched(zip(crops, regions, strict=True), self.batch_size):
            poses += self.pose.estimate([c for c, _ in batch], [r for _, r in batch])
        each = iter(poses)
        joints = len(self.skeleton)
        people = []
        for boxes, scores, _, _ in group:
            mine = [next(each) for _ in scores]
            xy = np.array([p for p, _ in mine], dtype=np.float32).reshape(-1, joints, 2)
            score = np.array([s for _, s in mine], dtype=np.float32).reshape(-1, joints)
            people.append(People(xy, score, boxes.astype(np.float32), scores.astype(np.float32)))
        return people
