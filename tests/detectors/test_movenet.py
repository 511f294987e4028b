import numpy as np
import pytest
import torch

from gentri.detectors.openmmlab import prepare

prepare()

from gentri.detectors import movenet_heads as heads  # noqa: E402
from gentri.detectors.movenet import (  # noqa: E402
    SameConv2d,
    pyramid_channels,
    scaled_channels,
)
from gentri.skeletons import COCO17  # noqa: E402

CELLS = 64


def peak_maps(joints: torch.Tensor, people: list[tuple[float, float]]) -> dict[str, torch.Tensor]:
    """Dense maps (1, …) that show joints (P, 17, 2) of people centred there, x y in cells."""
    rows, columns = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
    cell = torch.stack((columns, rows), -1).float()
    heat = torch.full((1, 17, CELLS, CELLS), -8.0)
    offset = torch.zeros(1, 17, 2, CELLS, CELLS)
    center = torch.full((1, 1, CELLS, CELLS), -8.0)
    regress = torch.zeros(1, 17, 2, CELLS, CELLS)
    size, shift = torch.zeros(1, 2, CELLS, CELLS), torch.zeros(1, 2, CELLS, CELLS)
    owner = torch.cdist(cell.reshape(-1, 2), torch.tensor(people)).argmin(1).reshape(CELLS, CELLS)
    for p, middle in enumerate(people):
        mine = owner == p
        distance = (cell - torch.tensor(middle)).norm(dim=-1)
        center[0, 0] = torch.maximum(center[0, 0], 4 - distance)
        regress[0, :, :, mine] = (joints[p][:, None] - cell[mine]).transpose(1, 2).flip(1)
        spread = joints[p].amax(0) - joints[p].amin(0) + 4
        size[0][:, mine] = spread.flip(0)[:, None]
        middle_of_box = (joints[p].amax(0) + joints[p].amin(0)) / 2
        shift[0][:, mine] = (middle_of_box - cell[mine]).T.flip(0)
        for j, joint in enumerate(joints[p]):
            away = (cell - joint).norm(dim=-1)
            heat[0, j] = torch.maximum(heat[0, j], 4 - 2 * away)
            near = away < 4
            offset[0, j][:, near] = (joint - cell[near]).T.flip(0)
    return {
        "center": center,
        "kpt_heatmap": heat,
        "kpt_regress": regress.reshape(1, 34, CELLS, CELLS),
        "kpt_offset": offset.reshape(1, 34, CELLS, CELLS),
        "box_scale": size,
        "box_offset": shift,
    }


def body(x: float, y: float, seed: int = 0) -> torch.Tensor:
    spread = np.random.default_rng(seed).uniform(-8, 8, (17, 2))
    return torch.tensor(spread, dtype=torch.float32) + torch.tensor([x, y])


def test_thunder_reads_joints_out_exactly() -> None:
    joints = body(32.3, 30.6)
    head = heads.MoveNetHead((CELLS, CELLS))
    xy, score = head.read_out(peak_maps(joints[None], [(32.0, 31.0)]))
    expected = joints * 4 - heads.COORDINATE_BIAS_PX
    torch.testing.assert_close(xy[0], expected, atol=1e-3, rtol=0)
    assert (score > 0.8).all()


def test_votes_stop_at_the_border() -> None:
    joints = body(32.0, 32.0)
    joints[5] = torch.tensor([0.2, 63.4])
    head = heads.MoveNetHead((CELLS, CELLS))
    xy, _ = head.read_out(peak_maps(joints[None], [(32.0, 32.0)]))
    torch.testing.assert_close(
        xy[0, 5], joints[5] * 4 - heads.COORDINATE_BIAS_PX, atol=1e-3, rtol=0
    )


def test_multipose_tells_people_apart() -> None:
    joints = torch.stack((body(15.2, 30.1, 1), body(46.7, 34.4, 2)))
    people = [(15.0, 30.0), (47.0, 34.0)]
    boxes, scores, xy, _ = heads.MoveNetMultiPoseHead().read_out(peak_maps(joints, people))
    order = scores[0].argsort(descending=True)[:2]
    order = order[xy[0, order, 0, 0].argsort()]
    torch.testing.assert_close(
        xy[0, order], joints * 4 - heads.COORDINATE_BIAS_PX, atol=1e-3, rtol=0
    )
    for p, box in zip(range(2), boxes[0, order], strict=True):
        assert (box[:2] <= joints[p].amin(0) * 4).all() and (box[2:] >= joints[p].amax(0) * 4).all()
    assert (scores[0].sort(descending=True).values[2:] < 0.05).all()


def test_mirrored_read_outs_agree_or_the_better_wins() -> None:
    mirror = COCO17.mirror.tolist()
    xy = torch.rand(1, 17, 2) * 200
    score = torch.full((1, 17), 0.6)
    mirrored = torch.stack((255 - xy[..., 0], xy[..., 1]), -1)[:, mirror]
    merged, merged_score = heads.merge_mirrored((xy, score), (mirrored, score), 256, mirror)
    torch.testing.assert_close(merged, xy)
    torch.testing.assert_close(merged_score, score)

    elsewhere, sure = mirrored.clone(), score.clone()
    left, right = COCO17.index("left_knee"), COCO17.index("right_knee")
    elsewhere[0, right, 1] += 40.0  # in the mirrored picture the left knee is called right
    sure[0, right] = 0.8
    merged, merged_score = heads.merge_mirrored((xy, score), (elsewhere, sure), 256, mirror)
    torch.testing.assert_close(merged[0, left], xy[0, left] + torch.tensor([0.0, 40.0]))
    assert merged_score[0, left] == pytest.approx(0.4)


def test_channels_are_multiples_of_8() -> None:
    assert [scaled_channels(c) for c in (24 * 1.5, 32 * 1.75, 9, 17)] == [40, 56, 16, 16]
    assert pyramid_channels(1.75) == (40, 56, 112, 1280)


def test_stride_2_pads_right_and_bottom() -> None:
    convolution = SameConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(convolution.weight)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    # TensorFlow's "SAME" on even sizes: the windows start at 0 and 2.
    expected = torch.tensor([[[[45.0, 39.0], [66.0, 50.0]]]])
    torch.testing.assert_close(convolution(image), expected)


def test_stride_2_is_a_convolution_of_a_padded_map() -> None:
    convolution = SameConv2d(6, 6, 3, 2, groups=6)
    maps = torch.randn(2, 6, 8, 12, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(maps, (0, 1, 0, 1))
    expected = torch.nn.functional.conv2d(
        padded, convolution.weight, convolution.bias, stride=2, groups=6
    )
    torch.testing.assert_close(convolution(maps), expected)
