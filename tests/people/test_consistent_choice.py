"""The set of candidates that agrees best, where merit alone would be wrong."""

import numpy as np

from gentri.people.consistent_choice import Choice


def choice(merit: list[list[float]], agreeing: dict[tuple[int, int], tuple[int, int]]) -> Choice:
    """Pairs of cameras in which one pair of candidates agrees fully and no other at all."""
    agreement = {}
    for (c, d), at in agreeing.items():
        pairs = np.zeros((len(merit[c]), len(merit[d])))
        pairs[at] = 1.0
        agreement[c, d], agreement[d, c] = pairs, pairs.T
    return Choice([np.array(m) for m in merit], agreement)


def test_agreement_outweighs_merit() -> None:
    merit = [[0.9, 0.5], [0.9, 0.5], [0.9, 0.5]]
    pairs = dict.fromkeys([(0, 1), (1, 2), (0, 2)], (1, 1))
    assert choice(merit, pairs).best() == [1, 1, 1]
    assert choice(merit, {(0, 1): (0, 0), **dict.fromkeys([(1, 2), (0, 2)], (0, 0))}).best() == [
        0,
        0,
        0,
    ]


def test_cameras_that_are_not_compared_are_tied_by_those_between() -> None:
    """A chain: the first and the last of four have no agreement of their own."""
    merit = [[0.9, 0.5], [0.6, 0.5], [0.6, 0.5], [0.9, 0.5]]
    chain = choice(merit, dict.fromkeys([(0, 1), (1, 2), (2, 3)], (1, 1)))
    assert chain.best() == [1, 1, 1, 1]


def test_the_gain_is_the_mean_over_those_compared_with() -> None:
    two = choice([[0.3], [0.2], [0.1]], {(0, 1): (0, 0), (1, 2): (0, 0)})
    assert two.gain(0, 0, [0, 0, 0]) == 0.3 + 2.0
    assert two.gain(1, 0, [0, 0, 0]) == 0.2 + 2.0
    total, picked = two.climb([0, 0, 0])
    assert picked == [0, 0, 0]
    np.testing.assert_allclose(total, 0.6 + 6.0)
