"""MoveNet's network as MMPose modules: MobileNetV2 with a feature pyramid and dense branches.

Source: Google's MoveNet model cards (SinglePose Thunder v4, MultiPose Lightning v1) and their
published graphs; batch normalisation is folded into the convolutions. Attribute names are the keys
of the weight files. Import after `gentri.detectors.openmmlab.prepare`.
"""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4  # input pixels per cell of the output maps
WIDTH_THUNDER = 1.75  # MobileNetV2 width multipliers of the two published models
WIDTH_MULTIPOSE = 1.5

# (expansion, channels at width 1, blocks, stride of the first block): MobileNetV2, Table 2, with
# the last stride-2 stage kept at stride 2 and the 96-channel stage at stride 1.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_PYRAMID_BLOCKS = (2, 5, 9)  # last blocks at strides 4, 8 and 16
_LAST_CHANNELS = 1280
_BRANCH_CHANNELS = {
    "center": 1,
    "kpt_heatmap": 17,
    "kpt_regress": 34,
    "kpt_offset": 34,
    "box_scale": 2,
    "box_offset": 2,
}


def scaled_channels(channels: float) -> int:
    """Channel count rounded to a multiple of 8, never down by more than 10 % (MobileNet)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def pyramid_channels(width: float) -> tuple[int, ...]:
    """Channels of the four backbone outputs (strides 4, 8, 16, 32)."""
    return (*(scaled_channels(c * width) for c in (24, 32, 64)), _LAST_CHANNELS)


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "SAME" padding: for stride 2 on even sizes right and bottom.

    There a kernel one larger with zeros in its first row and column, padded evenly, gives the same
    numbers without a padded copy of the maps, which took a fifth of the network's time.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, **kwargs)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        weight = self.weight
        if self.stride != (1, 1):
            weight = functional.pad(weight, (1, 0, 1, 0))
        return self._conv_forward(input, weight, self.bias)


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SameConv2d(inputs, hidden) if expansion != 1 else None
        self.depthwise = SameConv2d(hidden, hidden, 3, stride, groups=hidden)
        self.project = SameConv2d(hidden, outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        y = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        y = self.project(functional.relu6(self.depthwise(y), inplace=True))
        return x + y if self.residual else y


class SeparableConv2d(nn.Module):
    """Depthwise 3×3, pointwise, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dw = SameConv2d(inputs, inputs, 3, groups=inputs, bias=False)
        self.pw = SameConv2d(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H, W)."""
        return functional.relu(self.pw(self.dw(x)), inplace=True)


@MODELS.register_module()
class MoveNetBackbone(BaseModule):
    """MobileNetV2 without its classifier.

    Args:
        width: channel multiplier.
    """

    def __init__(self, width: float, init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        channels = scaled_channels(32 * width)
        self.stem = SameConv2d(3, channels, 3, 2)
        self.blocks = nn.ModuleList()
        for expansion, base, count, stride in _STAGES:
            for i in range(count):
                outputs = scaled_channels(base * width)
                step = stride if i == 0 else 1
                self.blocks.append(InvertedResidual(channels, outputs, step, expansion))
                channels = outputs
        self.last = SameConv2d(channels, _LAST_CHANNELS)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Images (N, 3, H, W) in −1…1 → features at strides 4, 8, 16 and 32."""
        x = functional.relu6(self.stem(x), inplace=True)
        pyramid = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _PYRAMID_BLOCKS:
                pyramid.append(x)
        return (*pyramid, functional.relu6(self.last(x), inplace=True))


@MODELS.register_module()
class MoveNetFPN(BaseModule):
    """Feature pyramid down to stride 4.

    Args:
        in_channels: of the four backbone outputs, finest first.
    """

    def __init__(self, in_channels: Sequence[int], init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        lateral = (24, 32, 64, 64)
        self.lat = nn.ModuleList(
            SameConv2d(i, o) for i, o in zip(in_channels, lateral, strict=True)
        )
        self.fuse = nn.ModuleList(
            (SeparableConv2d(64, 32), SeparableConv2d(32, 24), SeparableConv2d(24, 24))
        )

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Four maps → one (N, 24, H / 4, W / 4)."""
        x = self.lat[3](features[3])
        for fuse, level in zip(self.fuse, (2, 1, 0), strict=True):
            up = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = fuse(up + self.lat[level](features[level]))
        return (x,)


class Branch(nn.Module):
    """One dense output: separable convolution, then 1×1."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.sep = SeparableConv2d(24, 96)
        self.out = SameConv2d(96, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 24, h, w) → (N, outputs, h, w)."""
        return self.out(self.sep(x))


class MoveNetBranches(BaseModule):
    """The dense outputs of one MoveNet, by name.

    Args:
        names: among center, kpt_heatmap, kpt_regress, kpt_offset, box_scale, box_offset.
    """

    def __init__(self, names: Sequence[str], init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        self.b = nn.ModuleDict({name: Branch(_BRANCH_CHANNELS[name]) for name in names})

    def forward(self, features: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Maps (N, channels, h, w) by branch name."""
        return {name: branch(features[-1]) for name, branch in self.b.items()}

    def loss(self, *_args: Any, **_kwargs: Any) -> dict[str, Tensor]:
        """Refused: these modules are for inference."""
        raise NotImplementedError("MoveNet is here for inference only")
