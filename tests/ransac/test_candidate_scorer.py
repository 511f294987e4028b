"""Features and the network: what must not matter does not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recorded_walks import ANATOMY, MIN_ANGLE, looked_at, noisy_walk

from gentri.data import Rig, Rigid3
from gentri.ransac.candidate_scorer import CandidateScorer, Sizes
from gentri.ransac.features import FEATURES, GROUPS, describe
from gentri.ransac.proposals import ALONE, MAX_NESTED, ORIGINS, PRIOR_KINDS, propose
from gentri.ransac.recording import Recording
from gentri.ransac.selection import average_candidate


def described(recording):
    look, views = looked_at(recording)
    whole = slice(0, recording.ticks)
    context, misfit = look.story[whole], look.misfit_of(whole)
    candidates, origin = propose(views, context, ANATOMY, MIN_ANGLE)
    features = describe(views, candidates, origin, context, misfit, ANATOMY)
    return candidates, origin, features


def moved(recording: Recording, scale: float) -> Recording:
    """The same seen from a rig that is turned, shifted and scaled."""
    c, s = np.cos(0.7), np.sin(0.7)
    R = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    cameras = []
    for camera in recording.rig.cameras:
        turned = camera.cam_from_world.R @ R.T
        center = scale * (R @ camera.center + np.array([3.0, -2.0, 1.0]))
        cameras.append(replace(camera, cam_from_world=Rigid3(turned, -turned @ center)))
    return replace(recording, rig=Rig(tuple(cameras), "given", 0.0))


def test_groups_are_the_columns():
    assert sum(GROUPS.values()) == FEATURES == described(noisy_walk()[2])[2].shape[-1]


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_a_similarity_of_the_world_changes_no_feature(scale):
    recording = noisy_walk()[2]
    there, back = described(recording), described(moved(recording, scale))
    assert torch.equal(there[0].valid, back[0].valid)
    torch.testing.assert_close(back[2], there[2], atol=2e-2, rtol=1e-3)


def test_detectors_may_score_on_any_scale():
    recording = noisy_walk()[2]
    half = replace(recording, confidence=recording.confidence / 2)
    torch.testing.assert_close(described(half)[2], described(recording)[2], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("cameras", "subsets", "alone"), [(2, 1, 2), (3, 4, 3), (4, 11, 0), (8, 7, 0)]
)
def test_candidates_come_from_subsets_priors_and_single_rays(cameras, subsets, alone):
    candidates, origin, _ = described(noisy_walk(cameras=cameras, ticks=12)[2])
    kinds = torch.bincount(origin, minlength=ORIGINS)
    assert kinds[0] == subsets
    assert kinds[ALONE] == alone
    assert (kinds[1:ALONE] == 1).all()
    assert len(PRIOR_KINDS) + 1 == ALONE
    assert candidates.valid.any(dim=-1).float().mean() > 0.99


def test_candidates_of_many_views_stay_few():
    candidates, origin, _ = described(noisy_walk(cameras=32, ticks=4)[2])
    assert (origin == 0).sum() == MAX_NESTED
    sizes = candidates.member[:, :, :MAX_NESTED].sum(dim=-1)
    assert (sizes.diff(dim=-1) >= 0).all()


def test_invalid_candidates_take_no_part():
    network = CandidateScorer(Sizes()).eval()
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 17, 9, FEATURES, generator=generator)
    valid = torch.rand(3, 17, 9, generator=generator) < 0.6
    valid[..., 0] = True
    first = network(features, ANATOMY.kind, valid)
    spoiled = torch.where(valid[..., None], features, 1e3)
    second = network(spoiled, ANATOMY.kind, valid)
    torch.testing.assert_close(first.score[valid], second.score[valid])
    assert (first.score[~valid] == -torch.inf).all()
    torch.testing.assert_close(first.log_error_of_choice, second.log_error_of_choice)


def test_no_order_of_candidates_or_joints_matters():
    network = CandidateScorer(Sizes()).eval()
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 17, 6, FEATURES, generator=generator)
    valid = torch.ones(2, 17, 6, dtype=torch.bool)
    k, j = torch.randperm(6, generator=generator), torch.randperm(17, generator=generator)
    plain = network(features, ANATOMY.kind, valid)
    mixed = network(features[:, j][:, :, k], ANATOMY.kind[j], valid)
    torch.testing.assert_close(mixed.score, plain.score[:, j][:, :, k])
    torch.testing.assert_close(mixed.log_error_of_choice, plain.log_error_of_choice[:, j])


def test_a_skeleton_without_any_candidate_is_nan():
    candidates, _, _ = described(noisy_walk(ticks=4)[2])
    nothing = replace(candidates, valid=torch.zeros_like(candidates.valid))
    xyz = average_candidate(nothing, torch.zeros(candidates.valid.shape))
    assert xyz.isnan().all()
    one = torch.zeros_like(candidates.valid)
    one[..., 3] = True
    one &= candidates.valid
    alone = average_candidate(replace(candidates, valid=one), torch.zeros(one.shape))
    seen = one.any(dim=-1)
    torch.testing.assert_close(alone[seen], candidates.xyz[:, :, 3][seen])
