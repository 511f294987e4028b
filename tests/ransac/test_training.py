"""Training: choices, losses, settings, scenes, and going on after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sessions import ROOT

from gentri.errors import InputError, UsageError, WeightsError
from gentri.ransac.scorer_file import read_card, read_scorer, read_whole_pose
from gentri.ransac.training.losses import selection_weights
from gentri.ransac.training.run import train
from gentri.ransac.training.scenes import training_scene
from gentri.ransac.training.settings import SelectionSettings, read_settings
from gentri.synthetic import read_clips

CLIPS = ROOT / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
SMALL = {
    "examples.views": "[2, 4]",
    "examples.takes": "[1, 1]",
    "optimizer.steps": "6",
    "optimizer.batch": "8",
}
SOFT = SelectionSettings("softmax", False, [1.0, 1.0])


@pytest.fixture(scope="module")
def clips():
    return read_clips(CLIPS)


def shares(selection, score, valid=None, progress=0.0, seed=0):
    valid = torch.ones(score.shape, dtype=torch.bool) if valid is None else valid
    generator = torch.Generator().manual_seed(seed)
    return selection_weights(score, valid, selection, progress, generator)


@pytest.mark.parametrize("kind", ["softmax", "gumbel"])
@pytest.mark.parametrize("hard", [False, True])
def test_shares_add_up_and_leave_out_what_is_not_valid(kind, hard):
    score = torch.randn(4, 17, 9, generator=torch.Generator().manual_seed(1))
    valid = torch.rand(score.shape, generator=torch.Generator().manual_seed(2)) < 0.7
    valid[..., 0] = True
    share = shares(SelectionSettings(kind, hard, [1.0, 1.0]), score, valid)
    torch.testing.assert_close(share.sum(dim=-1), torch.ones(4, 17))
    assert (share[~valid] == 0).all()


def test_gumbel_noise_samples_the_softmax():
    score = torch.tensor([0.0, 1.0, 2.0]).expand(20_000, 3)
    hard = SelectionSettings("gumbel", True, [1.0, 1.0])
    drawn = shares(hard, score).mean(dim=0)
    torch.testing.assert_close(drawn, score[0].softmax(dim=0), atol=0.015, rtol=0)


def test_the_temperature_falls_geometrically():
    score = torch.tensor([[0.0, 1.0]])
    cooling = SelectionSettings("softmax", False, [4.0, 0.25])
    middle = shares(cooling, score, progress=0.5)
    torch.testing.assert_close(middle, score.softmax(dim=-1))
    assert shares(cooling, score, progress=1.0)[0, 1] > 0.97


def test_hard_choices_have_the_derivatives_of_soft_ones():
    score = torch.tensor([[0.3, -0.2, 0.9]], requires_grad=True)
    value = torch.tensor([[1.0, 2.0, 3.0]])
    gradients = []
    for hard in (False, True):
        share = shares(SelectionSettings("softmax", hard, [1.0, 1.0]), score)
        gradients.append(torch.autograd.grad((share * value).sum(), score)[0])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_settings_are_changed_by_file_and_by_value(tmp_path):
    (tmp_path / "mine.toml").write_text("seed = 3\n[optimizer]\nsteps = 10\n")
    settings = read_settings(
        tmp_path / "mine.toml", {"optimizer.steps": "20", "method": "whole-pose"}
    )
    assert (settings.seed, settings.optimizer.steps, settings.method) == (3, 20, "whole-pose")
    with pytest.raises(UsageError, match=r"optimizer\.steps"):
        read_settings(changes={"optimizer.stepz": "1"})
    with pytest.raises(UsageError, match=r"optimizer\.steps is 'many'"):
        read_settings(changes={"optimizer.steps": "many"})


def test_scenes_are_alike_for_a_seed_and_unlike_otherwise(clips):
    a, b, c = (training_scene(np.random.default_rng(seed), clips, 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.keypoints.xy_px, b.keypoints.xy_px)
    assert a.walk.xyz.shape != c.walk.xyz.shape or not np.array_equal(a.walk.xyz, c.walk.xyz)


@pytest.mark.parametrize("kind", ["moving", "on_the_spot"])
def test_who_only_walks_or_only_stays_can_be_learned_from(clips, kind):
    some = tuple(clip for clip in clips if getattr(clip, kind))
    for seed in range(8):
        walk = training_scene(np.random.default_rng(seed), some, 2).walk
        extent = np.ptp(walk.xyz[np.isfinite(walk.xyz[:, 11, 0]), 11, :2], axis=0).max()
        assert (extent > 0.8) == (kind == "moving")


def test_a_training_writes_a_scorer_with_its_card(clips, tmp_path):
    out = tmp_path / "scorer.safetensors"
    card = train(clips, out, read_settings(changes=SMALL), device="cpu")
    assert "05" not in card["subjects"]
    assert "35" in card["subjects"]
    assert set(card["examples"]) == {"2", "4"}
    assert read_card(out)["card"] == card
    network = read_scorer(out)
    assert network.mean.abs().sum() > 0
    with pytest.raises(WeightsError, match="holds a scorer of candidates"):
        read_whole_pose(out)


def test_the_scorer_of_2022_is_trained_alike(clips, tmp_path):
    out = tmp_path / "whole.safetensors"
    settings = read_settings(changes={**SMALL, "method": "whole-pose", "optimizer.steps": "2"})
    card = train(clips, out, settings, device="cpu")
    assert 0 < card["metrics"]["error, 4 views"] < 0.5
    assert read_whole_pose(out).skeleton == "coco17"


def test_without_a_subject_there_is_no_training(clips, tmp_path):
    settings = read_settings(changes={"examples.left_out": '[""]'})
    with pytest.raises(InputError, match="of 253 clips none is left"):
        train(clips, tmp_path / "x.safetensors", settings, device="cpu")


def test_motion_that_makes_no_takes_is_refused_before_anything_runs(clips, tmp_path):
    middling = tuple(clip for clip in clips if not (clip.moving or clip.on_the_spot))
    with pytest.raises(InputError, match="clips a person walks through space or stays"):
        train(middling, tmp_path / "x.safetensors", read_settings(), device="cpu")
    assert not list(tmp_path.iterdir())


def test_a_foreign_file_is_no_scorer(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="not a weight file of a scorer"):
        read_card(tmp_path / "x.safetensors")


PROGRAM = """
import sys
from pathlib import Path
import torch
import gentri.ransac.training.loop as loop
from gentri.ransac.training.run import train
from gentri.ransac.training.settings import read_settings
from gentri.synthetic import read_clips
torch.set_num_threads(1)
loop.CHECKPOINT_STEPS = 2
changes = dict(pair.split("=", 1) for pair in sys.argv[3:])
settings = read_settings(None, changes)
train(read_clips(Path(sys.argv[1])), Path(sys.argv[2]), settings, device="cpu")
"""


def start(out: Path, steps: int) -> "subprocess.Popen[bytes]":
    changes = {**SMALL, "optimizer.steps": str(steps)}
    arguments = [f"{key}={value}" for key, value in changes.items()]
    command = [sys.executable, "-c", PROGRAM, str(CLIPS), str(out), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def test_a_killed_training_goes_on_and_ends_the_same(tmp_path):
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    assert start(whole, 40).wait(timeout=300) == 0
    process = start(broken, 40)
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if list(tmp_path.glob("broken*/run-*/checkpoint.safetensors")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not broken.exists()
    assert start(broken, 40).wait(timeout=300) == 0
    assert broken.read_bytes() == whole.read_bytes()
