"""RTMPose and RTMDet as MMPose and MMDetection configurations.

The published networks, so that their checkpoints fit tensor by tensor: RTMPose (Jiang et al. 2023,
arXiv 2303.07399) on COCO, Halpe and COCO-WholeBody joints, and the person detectors that it was
published with, RTMDet-nano and -m (Lyu et al. 2022, arXiv 2212.07784).
"""

from dataclasses import dataclass
from typing import Any

INPUT_SIZE = (192, 256)  # width, height of a person's crop, pixels
_SIMCC_SIGMA_PX = (4.9, 5.66)  # of the training labels; kept for the codec's constructor
_SIMCC_BINS_PER_PX = 2.0
_STRIDE = 32


@dataclass(frozen=True)
class BackboneSize:
    """Depth and width multipliers of CSPNeXt."""

    deepen: float
    widen: float

    def channels(self, base: int) -> int:
        """Channels of a layer that has `base` at width 1."""
        return int(base * self.widen)


SIZES = {
    "t": BackboneSize(0.167, 0.375),
    "s": BackboneSize(0.33, 0.5),
    "m": BackboneSize(0.67, 0.75),
    "l": BackboneSize(1.0, 1.0),
}


def rtmpose(size: str, joints: int) -> dict[str, Any]:
    """MMPose model configuration.

    Args:
        size: "t", "s", "m" or "l".
        joints: 17, 26 or 133.
    """
    return {
        "type": "TopdownPoseEstimator",
        "data_preprocessor": {
            "type": "PoseDataPreprocessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
        },
        "backbone": {"_scope_": "mmdet", "out_indices": (4,), **_cspnext(SIZES[size])},
        "head": _simcc_head(SIZES[size].channels(1024), joints),
        "test_cfg": {"flip_test": True},
    }


def rtmdet_person(size: str) -> dict[str, Any]:
    """MMDetection model configuration of a one-class person detector.

    Args:
        size: "m" (input 640 px) or "nano" (input 320 px).
    """
    if size == "nano":
        scale, width, blocks = BackboneSize(0.33, 0.25), 64, 1
        parts: dict[str, Any] = {"use_depthwise": True}
        head: dict[str, Any] = {"share_conv": False, "exp_on_reg": False, **parts}
    else:
        scale, width, blocks = SIZES["m"], 192, 2
        parts, head = {}, {"share_conv": True, "exp_on_reg": True}
    return {
        "type": "RTMDet",
        "data_preprocessor": {
            "type": "DetDataPreprocessor",
            "mean": [103.53, 116.28, 123.675],
            "std": [57.375, 57.12, 58.395],
            "bgr_to_rgb": False,
        },
        "backbone": {**_cspnext(scale), **parts},
        "neck": {
            "type": "CSPNeXtPAFPN",
            "in_channels": [scale.channels(c) for c in (256, 512, 1024)],
            "out_channels": width,
            "num_csp_blocks": blocks,
            "expand_ratio": 0.5,
            **_layers(),
            **parts,
        },
        "bbox_head": {"in_channels": width, "feat_channels": width, **_box_head(), **head},
        "train_cfg": None,
        "test_cfg": {
            "nms_pre": 1000,
            "min_bbox_size": 0,
            "score_thr": 0.05,
            "nms": {"type": "nms", "iou_threshold": 0.6},
            "max_per_img": 100,
        },
    }


def _simcc_head(channels: int, joints: int) -> dict[str, Any]:
    codec = {
        "type": "SimCCLabel",
        "input_size": INPUT_SIZE,
        "sigma": _SIMCC_SIGMA_PX,
        "simcc_split_ratio": _SIMCC_BINS_PER_PX,
        "normalize": False,
        "use_dark": False,
    }
    attention = {
        "hidden_dims": 256,
        "s": 128,
        "expansion_factor": 2,
        "dropout_rate": 0.0,
        "drop_path": 0.0,
        "act_fn": "SiLU",
        "use_rel_bias": False,
        "pos_enc": False,
    }
    return {
        "type": "RTMCCHead",
        "in_channels": channels,
        "out_channels": joints,
        "input_size": INPUT_SIZE,
        "in_featuremap_size": tuple(side // _STRIDE for side in INPUT_SIZE),
        "simcc_split_ratio": _SIMCC_BINS_PER_PX,
        "final_layer_kernel_size": 7,
        "gau_cfg": attention,
        "loss": {
            "type": "KLDiscretLoss",
            "use_target_weight": True,
            "beta": 10.0,
            "label_softmax": True,
        },
        "decoder": codec,
    }


def _cspnext(size: BackboneSize) -> dict[str, Any]:
    return {
        "type": "CSPNeXt",
        "arch": "P5",
        "expand_ratio": 0.5,
        "deepen_factor": size.deepen,
        "widen_factor": size.widen,
        "channel_attention": True,
        **_layers(),
    }


def _layers() -> dict[str, Any]:
    # Trained with SyncBN, which is the same thing in one process.
    return {"norm_cfg": {"type": "BN"}, "act_cfg": {"type": "SiLU", "inplace": True}}


def _box_head() -> dict[str, Any]:
    return {
        "type": "RTMDetSepBNHead",
        "num_classes": 1,
        "stacked_convs": 2,
        "anchor_generator": {"type": "MlvlPointGenerator", "offset": 0, "strides": [8, 16, 32]},
        "bbox_coder": {"type": "DistancePointBBoxCoder"},
        "loss_cls": {"type": "QualityFocalLoss", "use_sigmoid": True, "beta": 2.0},
        "loss_bbox": {"type": "GIoULoss"},
        "with_objectness": False,
        "pred_kernel_size": 1,
        **_layers(),
    }
