"""The learned scorer: a small network that compares the candidates of a joint with each other.

Candidates of a joint are summed up by attention, the joints of a skeleton look at each other's
summaries, and each candidate is judged in the light of what its joint then knows: set attention
through inducing points (Lee et al., "Set Transformer", ICML 2019, section 3.2), in no order of
views, candidates or joints. There are twenty times as many candidates as joints, so nearly all of
the thinking is done by joints.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gentri.ransac.anatomy import KIND_COUNT
from gentri.ransac.features import FEATURES


@dataclass(frozen=True)
class Sizes:
    """Of the network.

    Attributes:
        candidate: width of a candidate.
        joint: width of a joint.
        heads: of every attention.
        layers: in which joints think.
        attention: between joints; else each thinks for itself.
    """

    candidate: int = 32
    joint: int = 64
    heads: int = 4
    layers: int = 2
    attention: bool = True


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the network says of B skeletons, J joints, K candidates.

    Attributes:
        score: (B, J, K) logits; −inf for invalid candidates.
        log_error: (B, J, K) log of 1 + error of each candidate in units of `LENGTH`.
        log_error_of_choice: (B, J) the same of what the soft choice makes of them.
    """

    score: Tensor
    log_error: Tensor
    log_error_of_choice: Tensor


class CandidateScorer(nn.Module):
    """Features (B, J, K, F) and kinds of joints (J,) to a `Judgement`."""

    mean: Tensor
    spread: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        c, j = sizes.candidate, sizes.joint
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("spread", torch.ones(FEATURES))
        self.read = nn.Sequential(nn.Linear(FEATURES, c), nn.ReLU(), nn.Linear(c, c), nn.ReLU())
        self.ask = nn.Linear(c, sizes.heads)
        self.kind = nn.Embedding(KIND_COUNT, j)
        self.summarize = nn.Linear((sizes.heads + 1) * c, j)
        self.think = nn.ModuleList([Block(sizes) for _ in range(sizes.layers)])
        self.tell = nn.Linear(j, c)
        self.reread = nn.Linear(c, c)
        self.judge = nn.Linear(c, 2)
        self.foresee = nn.Sequential(nn.Linear(j + c, c), nn.ReLU(), nn.Linear(c, 1))

    def forward(self, features: Tensor, kind: Tensor, valid: Tensor) -> Judgement:
        """Judge candidates; `valid` is (B, J, K) bool."""
        x = self.read((features - self.mean) / self.spread)
        hidden = ~valid[..., None]
        share = self.ask(x).masked_fill(hidden, -1e4).softmax(dim=2)
        pooled = (share.transpose(2, 3) @ x).flatten(2)
        most = x.masked_fill(hidden, 0.0).amax(dim=2)
        pose = self.summarize(torch.cat([pooled, most], dim=-1)) + self.kind(kind)
        for block in self.think:
            pose = block(pose, valid.any(dim=2))
        x = torch.relu(self.reread(x) + self.tell(pose)[:, :, None])
        score, log_error = self.judge(x).unbind(dim=-1)
        score = score.masked_fill(~valid, -torch.inf)
        chosen = torch.where(valid, score.softmax(dim=-1), 0.0)
        choice = (chosen[:, :, None] @ x).squeeze(2)
        foreseen = self.foresee(torch.cat([pose, choice], dim=-1)).squeeze(-1)
        return Judgement(score, log_error, foreseen)


class Block(nn.Module):
    """Attention between the joints of a skeleton, then a layer for each; added to the input."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width, self.heads, self.attention = sizes.joint, sizes.heads, sizes.attention
        self.before = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.each = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """(B, J, W) of joints; (B, J) those that have anything to say."""
        batch, members, width = x.shape
        if self.attention:
            mixed = self.mix(self.before(x)).view(batch, members, 3, self.heads, -1)
            q, k, v = mixed.permute(2, 0, 3, 1, 4)
            # A skeleton without any such joint looks at all; nobody uses what it sees.
            mask = (valid | ~valid.any(dim=-1, keepdim=True))[:, None, None]
            seen = scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = x + self.merge(seen.transpose(1, 2).reshape(batch, members, width))
        return x + self.each(x)
