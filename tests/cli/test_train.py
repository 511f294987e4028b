import json

import torch
from sessions import ROOT

from gentri.ransac.scorer_file import read_card

CLIPS = ROOT / "examples" / "cmu_mocap" / "cmu_subset_10hz.npz"
SMALL = ("examples.views=[3]", "examples.takes=[1]", "optimizer.steps=2", "optimizer.batch=4")


def changed(settings):
    return [word for setting in settings for word in ("--set", setting)]


def test_motion_becomes_a_scorer_with_its_card(program, tmp_path):
    out = tmp_path / "mine.safetensors"
    done = program("train", CLIPS, "--out", out, *changed(SMALL), "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["out"] == str(out)
    assert read_card(out)["card"]["settings"]["optimizer"]["steps"] == 2
    assert (tmp_path / "mine.safetensors.training").is_dir()  # a later run goes on from there


def test_misspelt_settings_are_refused_with_the_nearest_name(program, tmp_path):
    done = program("train", CLIPS, "--out", tmp_path / "x", "--set", "optimizer.step=2")
    assert done.returncode == 2
    assert "optimizer.steps" in done.stderr
    assert not list(tmp_path.iterdir())


def test_people_are_told_and_a_device_that_is_not_there_is_refused(program, tmp_path):
    words = ("train", CLIPS, "--out", tmp_path / "mine.safetensors", *changed(SMALL))
    done = program(*words)
    assert done.returncode == 0, done.stderr
    for text in (done.stderr, done.stdout):
        assert "judged by 02, 27, 29; left out: 05, 06, 07, 08, 16, cmuev_*" in text
    if not torch.cuda.is_available():
        done = program(*words, "--device", "cuda")
        assert done.returncode == 2
        assert "this machine has no device 'cuda'" in done.stderr


def test_motion_that_is_not_there_is_named(program, tmp_path):
    done = program("train", tmp_path / "nothing.bvh", "--out", tmp_path / "x")
    assert done.returncode == 1
    assert "nothing.bvh" in done.stderr


def test_a_file_that_is_no_scorer_is_refused_before_anything_runs(program, tmp_path):
    videos = sorted((ROOT / "examples" / "balance" / "static_videos").glob("*.mp4"))
    session = tmp_path / "session"
    done = program("run", *videos, "--session", session, "--scorer", CLIPS)
    assert done.returncode == 1
    assert "not a weight file of a scorer" in done.stderr
    assert not (session / "frames").exists()
