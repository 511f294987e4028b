from itertools import combinations

import numpy as np
import pytest

from gentri.ransac.hypotheses import MAX_SUBSETS, view_subsets


@pytest.mark.parametrize(("count", "expected"), [(2, 1), (3, 4), (4, 11), (5, 26), (6, 57)])
def test_few_views_give_all_subsets(count, expected):
    subsets = view_subsets(count)
    assert subsets.shape == (expected, count)
    assert len({tuple(s) for s in subsets}) == expected
    assert (subsets.sum(axis=1) >= 2).all()


@pytest.mark.parametrize("count", [7, 8, 12, 13, 32])
def test_many_views_give_a_balanced_sample(count):
    subsets = view_subsets(count)
    assert len(subsets) == MAX_SUBSETS
    assert subsets[-1].all()
    pairs = subsets[subsets.sum(axis=1) == 2]
    assert len({tuple(p) for p in pairs}) == len(pairs) == min(count * (count - 1) // 2, 48)
    assert np.ptp(pairs.sum(axis=0)) <= 2
    assert ((subsets.sum(axis=1) > 2) & (subsets.sum(axis=1) < count)).any()
    assert np.array_equal(subsets, view_subsets(count))


def test_all_pairs_where_they_fit():
    subsets = view_subsets(8)
    pairs = {tuple(np.flatnonzero(s)) for s in subsets if s.sum() == 2}
    assert pairs == set(combinations(range(8), 2))
