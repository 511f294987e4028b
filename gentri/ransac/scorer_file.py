"""Weight files of the scorers: all that inference needs, and what there is to know about them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from gentri.errors import WeightsError
from gentri.pipeline.atomic import atomic_write
from gentri.ransac.anatomy import KINDS
from gentri.ransac.candidate_scorer import CandidateScorer, Sizes
from gentri.ransac.features import GROUPS
from gentri.ransac.whole_pose import WholePoseScorer

SUFFIX = ".safetensors"
CANDIDATES, WHOLE_POSE = "candidates", "whole-pose"
_TOLD = {"features": GROUPS, "kinds": list(KINDS)}  # to the scorer of candidates, in this order

N = TypeVar("N", bound=nn.Module)


def write_scorer(network: nn.Module, path: Path, card: Mapping[str, Any]) -> None:
    """Write weights with their sizes and a card (how they were trained, metrics …)."""
    from safetensors.torch import save

    about: dict[str, Any] = {"card": dict(card)}
    if isinstance(network, CandidateScorer):
        about |= {"method": CANDIDATES, "sizes": asdict(network.sizes), **_TOLD}
    elif isinstance(network, WholePoseScorer):
        about |= {"method": WHOLE_POSE, "skeleton": network.skeleton.name}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(network.state_dict(), {"gentri": json.dumps(about)}))


def read_card(path: Path) -> dict[str, Any]:
    """What a file says about itself: method, sizes, card.

    Raises:
        WeightsError: it is not a weight file of a scorer.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return json.loads((file.metadata() or {})["gentri"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a weight file of a scorer: {error}",
            "name a .safetensors file that gentri train has written",
        ) from error


def read_scorer(path: Path) -> CandidateScorer:
    """The scorer of candidates in a file.

    Raises:
        WeightsError: the file is another one, or of an older version.
    """
    about = _of_method(path, CANDIDATES)
    if any(about.get(key) != told for key, told in _TOLD.items()):
        raise WeightsError(
            f"the scorer in {path} was trained with other features, or kinds of joints, than this "
            "version knows",
            "train it anew: gentri train",
        )
    return _filled(CandidateScorer(Sizes(**about["sizes"])), path)


def read_whole_pose(path: Path) -> WholePoseScorer:
    """The scorer of whole poses in a file.

    Raises:
        WeightsError: the file is another one.
    """
    about = _of_method(path, WHOLE_POSE)
    return _filled(WholePoseScorer(about["skeleton"]), path)


def _of_method(path: Path, method: str) -> dict[str, Any]:
    about = read_card(path)
    if about["method"] != method:
        raise WeightsError(
            f"{path} holds a scorer of {about['method']}; one of {method} is needed",
            "name another file",
        )
    return about


def _filled(network: N, path: Path) -> N:
    from safetensors.torch import load_file

    network.load_state_dict(load_file(path))
    return network.eval()
