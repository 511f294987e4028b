"""Training: choices, losses, settings, scenes, and going on after a kill."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sessions import ROOT

from gentri.errors import InputError, TrainingError, UsageError, WeightsError
from gentri.ransac.scorer_file import read_card, read_scorer, read_whole_pose
from gentri.ransac.training.losses import selection_weights
from gentri.ransac.training.people import split_by_subject
from gentri.ransac.training.run import train
from gentri.ransac.training.scenes import training_scene
from gentri.ransac.training.settings import SelectionSettings, read_settings
from gentri.ransac.training.tasks import rank_correlation
from gentri.ransac.whole_pose import BODY12
from gentri.skeletons import COCO17
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


@pytest.mark.parametrize(
    ("setting", "value", "needed"),
    [
        ("method", "cnn", "one of candidates, whole-pose"),
        ("seed", "-1", "a whole number from 0"),
        ("examples.views", "[1]", "each a whole number from 2 on"),
        ("examples.views", "[4, 4]", "each once"),
        ("examples.views", "[]", "one or more"),
        ("examples.views", '["four"]', "each a whole number from 2 on"),
        ("examples.takes", "[0, 1, 1, 1, 1, 1]", "whole numbers from 1 on"),
        ("examples.takes", "[1, 1]", "one number for each of examples.views"),
        ("examples.errors", '["sketched"]', "one of sketch, real, both"),
        ("examples.held_back", "1", "a number between 0 and 1"),
        ("examples.left_out", "[5]", "each a text"),
        ("network.features_left_out", '["times"]', "one of residuals, .* time"),
        ("network.heads", "3", r"a number that divides network\.joint \(64\)"),
        ("network.joint_set", "h36m17", "one of coco17, body12"),
        ("selection.kind", "gumble", "one of softmax, gumbel"),
        ("selection.temperature", "[1.0, 0.0]", "two numbers above 0"),
        ("selection.temperature", "[1.0]", "two numbers above 0"),
        ("loss.scale", "0", "a number above 0"),
        ("loss.entropy", "nan", "a number from 0 on"),
        ("optimizer.steps", "0", "a whole number from 1 on"),
        ("optimizer.batch", "0", "a whole number from 1 on"),
        ("optimizer.rate", "1e9", "a number above 0, 1 at most"),
        ("optimizer.averaged", "1", "a number from 0 on, below 1"),
    ],
)
def test_values_that_cannot_be_are_refused_with_what_is_needed(setting, value, needed):
    with pytest.raises(UsageError, match=rf"{setting} is .*, where .*{needed}.* is needed"):
        read_settings(changes={setting: value})


def test_scenes_are_alike_for_a_seed_and_unlike_otherwise(clips):
    a, b, c = (training_scene(np.random.default_rng(seed), clips, 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.keypoints.xy_px, b.keypoints.xy_px)
    assert a.walk.xyz.shape != c.walk.xyz.shape or not np.array_equal(a.walk.xyz, c.walk.xyz)


def renamed(clips, names: Callable[[str], str]):
    return tuple(replace(clip, subject=names(clip.subject)) for clip in clips)


def test_people_who_judge_are_not_trained_on(clips):
    people = split_by_subject(clips, read_settings().examples.left_out)
    training, judging = ({c.subject for c in part} for part in (people.training, people.judging))
    assert training and judging and not training & judging
    everybody = "01, 02, 03, 10, 12, 26, 27, 29, 32, 35, 49"
    assert training | judging == set(everybody.split(", "))
    for part in (people.training, people.judging):  # both show all that there is
        assert any(c.moving for c in part) and any(c.on_the_spot for c in part)
    assert "left out: 05, 06, 07, 08, 16, cmuev_*" in people.words
    assert f"judged by {', '.join(sorted(judging))};" in people.words


def test_one_person_alone_is_judged_by_other_takes(clips):
    people = split_by_subject(renamed(clips, lambda _: "me"), ["05"])
    assert len(people.training) == len(people.judges) == len(clips)
    assert people.words == (
        "trained on me; judged by other takes of the same people; left out: nobody"
    )


def test_of_two_people_one_judges(clips):
    two = [clip for clip in clips if clip.subject in ("02", "49")]
    people = split_by_subject(tuple(two), [])
    assert {c.subject for c in people.judging} == {"02"}
    assert {c.subject for c in people.training} == {"49"}


def test_subjects_are_left_out_by_their_whole_names(clips):
    own = tuple(clip for clip in clips if clip.subject in ("01", "35"))
    own = renamed(own, lambda subject: {"01": "16june", "35": "05"}[subject])
    people = split_by_subject(own, read_settings().examples.left_out)
    assert {clip.subject for clip in people.training} == {"16june"}
    assert people.left_out == ("05",)


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
    assert card["judged_by"] and not set(card["judged_by"]) & set(card["subjects"])
    (curve,) = tmp_path.glob("scorer.safetensors.training/run-*/curve.csv")
    with curve.open(newline="") as file:
        (row,) = csv.DictReader(file)  # fewer steps than between two judgements, and yet one
    assert (
        int(row["step"]) == 6 and float(row["error, 4 views"]) == card["metrics"]["error, 4 views"]
    )
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
    assert read_whole_pose(out).skeleton == COCO17


def test_the_scorer_of_2022_can_see_the_joints_that_all_sets_have(clips, tmp_path):
    out = tmp_path / "whole.safetensors"
    changes = {"method": "whole-pose", "optimizer.steps": "2", "network.joint_set": "body12"}
    train(clips, out, read_settings(changes={**SMALL, **changes}), device="cpu")
    network = read_whole_pose(out)
    assert network.skeleton == BODY12
    assert network.mean.shape == (12, 3) and network.mean.abs().sum() > 0


def test_without_a_subject_there_is_no_training(clips, tmp_path):
    settings = read_settings(changes={"examples.left_out": '["*"]'})
    with pytest.raises(
        InputError, match=r"left out of training by name: 01, 02.*\n.*left_out is \*:"
    ):
        train(clips, tmp_path / "x.safetensors", settings, device="cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_ends_the_training(clips, tmp_path):
    settings = read_settings(changes={**SMALL, "loss.scale": "1e-38"})
    with pytest.raises(TrainingError, match=r"at step 1 the loss was nan.*\n.*optimizer\.rate"):
        train(clips, tmp_path / "x.safetensors", settings, device="cpu")
    assert not (tmp_path / "x.safetensors").exists()


def test_ranks_of_what_is_no_number_do_not_agree():
    some = torch.tensor([3.0, 1.0, 2.0])
    assert rank_correlation(some, 2 * some) == pytest.approx(1.0)
    assert rank_correlation(some, -some) == pytest.approx(-1.0)
    nothing = torch.full((3,), torch.nan)
    assert math.isnan(rank_correlation(nothing, nothing))
    assert math.isnan(rank_correlation(some, torch.ones(3)))


@pytest.mark.parametrize("name", ["scorer.pt", "scorer", "file/scorer.safetensors"])
def test_places_where_nothing_can_be_written_are_refused_at_once(clips, tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"is no name of a weight file|file cannot be made"):
        train(clips, tmp_path / name, read_settings(changes=SMALL), device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


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
from gentri.ransac.training.people import split_by_subject
from gentri.ransac.training.run import train
from gentri.ransac.training.settings import read_settings
from gentri.synthetic import read_clips
torch.set_num_threads(1)
loop.CHECKPOINT_STEPS = loop.JUDGE_STEPS = 2
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
    (curve,) = tmp_path.glob("broken*/run-*/curve.csv")
    with curve.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(2, 41, 2))
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)  # of both runs together
