"""What training minimises, and how it chooses among candidates while it does."""

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from gentri.ransac.candidate_scorer import Judgement
from gentri.ransac.features import LENGTH
from gentri.ransac.selection import with_gumbel_noise
from gentri.ransac.training.examples import Examples
from gentri.ransac.training.settings import LossSettings, SelectionSettings

_MOST = 0.3  # a candidate's error beyond this, diagonals of the box, is no worse


def selection_weights(
    score: Tensor,
    valid: Tensor,
    settings: SelectionSettings,
    progress: float,
    generator: torch.Generator,
) -> Tensor:
    """Shares (..., K) of the candidates in the choice; they add up to 1 where any is valid.

    Softmax of the scores over a temperature, or the same of scores with Gumbel noise, which is a
    sample of it (Jang et al., "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017).
    Hard choices take the largest share whole, with the derivative of the soft ones (the same,
    section 2.2): selection becomes stochastic as in Bartol et al. (CVPR 2022), section 3.3.

    Args:
        score: (..., K) logits.
        valid: (..., K) bool.
        settings: kind, hardness, temperatures.
        progress: share of the training that is done.
        generator: of the noise.
    """
    start, end = settings.temperature
    temperature = start ** (1 - progress) * end**progress
    if settings.kind == "gumbel":
        score = with_gumbel_noise(score, generator)
    score = torch.where(valid, score, -1e9)
    soft = torch.where(valid, (score / temperature).softmax(dim=-1), 0.0)
    if not settings.hard:
        return soft
    taken = torch.zeros_like(soft).scatter(-1, soft.argmax(dim=-1, keepdim=True), 1.0)
    return torch.where(valid, taken, 0.0) + soft - soft.detach()


def candidate_loss(
    judgement: Judgement,
    share: Tensor,
    examples: Examples,
    settings: LossSettings,
    weight: float = 1.0,
) -> Tensor:
    """Robust error of the choice, expected error, error foreseen, entropy; a scalar.

    The expected error alone ends in using all views alike: the choice itself has to count.

    Args:
        judgement: of the network.
        share: (B, J, K) from `selection_weights`.
        examples: from `candidate_examples`.
        settings: weights of the terms.
        weight: of the errors in space, on top.
    """
    known, valid = examples["known"], examples["valid"]
    error = (chosen(share, examples) - examples["truth"]).norm(dim=-1)
    each = (examples["xyz"] - examples["truth"][:, :, None]).norm(dim=-1)
    estimate = ((1 + (error / settings.scale).square()).sqrt() - 1)[known].mean()
    expected = (share * each.clamp_max(_MOST) / settings.scale).sum(dim=-1)[known].mean()
    told = known[..., None] & valid
    candidates = smooth_l1_loss(judgement.log_error[told], torch.log1p(each / LENGTH)[told])
    foreseen = smooth_l1_loss(
        judgement.log_error_of_choice[known], torch.log1p(error.detach() / LENGTH)[known]
    )
    entropy = -(share * share.clamp_min(1e-9).log()).sum(dim=-1)[known].mean()
    return (
        weight * settings.estimate * estimate
        + weight * settings.expected * expected
        + settings.error * candidates
        + settings.foreseen * foreseen
        - settings.entropy * entropy
    )


def chosen(share: Tensor, examples: Examples) -> Tensor:
    """The choice (B, J, 3), about the reference."""
    return (share[..., None] * examples["xyz"]).sum(dim=2)


def whole_pose_loss(poses: Tensor, score: Tensor, truth: Tensor, entropy: float) -> Tensor:
    """The loss of the 2022 paper: error of the average, expected error, entropy; a scalar.

    Args:
        poses: (B, H, J, 3) hypotheses about the middle of the hips, metres.
        score: (B, H), 0 to 1.
        truth: (B, J, 3).
        entropy: weight of the bonus on undecided choices.
    """
    error = (poses - truth[:, None]).norm(dim=-1).mean(dim=-1)
    share = (score / _SCORE_TEMPERATURE).softmax(dim=1)
    mean = (score / score.sum(dim=1, keepdim=True))[..., None, None] * poses
    of_mean = (mean.sum(dim=1) - truth).norm(dim=-1).mean(dim=-1)
    expected = (share * error / error.amax(dim=1, keepdim=True)).sum(dim=1)
    undecided = -(share * share.clamp_min(1e-9).log()).sum(dim=1)
    return (_OF_MEAN * of_mean + expected - entropy * undecided).mean()


_SCORE_TEMPERATURE = 1.8
_OF_MEAN = 20.0  # per metre
