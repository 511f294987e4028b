"""What is said of the difference of two methods."""

import json

import numpy as np
import pytest
from people_in_views import triangulated, walking_set

from gentri.evaluation import Method, evaluate
from gentri.evaluation.report import document, report


def shifted(metres: float) -> Method:
    return lambda k, r: triangulated(k, r) + np.array([metres, 0.0, 0.0])


def said(first: Method, other: Method) -> str:
    one = walking_set()
    results = {"first": evaluate(first, [one]), "other": evaluate(other, [one])}
    json.dumps(document(results), allow_nan=False)
    return report(results).splitlines()[-1]


def test_a_difference_is_also_a_share_of_the_error_of_the_other() -> None:
    found = said(shifted(0.03), shifted(0.02))
    assert found.startswith("first less other: +10.0 mm [+10.0, +10.0], +50.0 %")


def test_nothing_is_a_share_of_no_error() -> None:
    assert said(shifted(0.03), triangulated) == "first less other: +30.0 mm [+30.0, +30.0]"


@pytest.mark.parametrize("swapped", [False, True])
def test_a_difference_from_what_was_not_measured_is_not_measured(swapped: bool) -> None:
    methods = [triangulated, shifted(np.nan)]
    found = said(*(methods[::-1] if swapped else methods))
    assert found == "first less other: not measured: no joint was measured by both"
