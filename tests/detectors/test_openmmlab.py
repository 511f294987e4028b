import subprocess
import sys

import pytest
import torch

from gentri.detectors.openmmlab import non_maximum_suppression, prepare

# What users' machines lack: a compiled mmcv, a torchvision that fits, xtcocotools.
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from gentri.detectors.openmmlab import prepare
prepare()
import mmdet.models, mmpose.models
print("imported")
"""


def test_libraries_import_on_a_bare_machine() -> None:
    absent = ("xtcocotools", "torchvision")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=absent)], capture_output=True, text=True
    )
    assert done.stdout == "imported\n", done.stderr


def test_prepare_twice_is_once() -> None:
    prepare()
    first = sys.modules["mmcv._ext"]
    prepare()
    assert sys.modules["mmcv._ext"] is first


def test_compiled_operations_are_refused_by_name() -> None:
    prepare()
    with pytest.raises(NotImplementedError, match="deform_conv_forward"):
        sys.modules["mmcv._ext"].deform_conv_forward()


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 4.0]])
    scores = torch.tensor([0.8, 0.9, 0.5, 0.7])
    assert non_maximum_suppression(boxes, scores, 0.5).tolist() == [1, 3, 2]
    assert non_maximum_suppression(boxes, scores, 0.9).tolist() == [1, 0, 3, 2]
    assert non_maximum_suppression(boxes[:0], scores[:0]).shape == (0,)
