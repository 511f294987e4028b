"""What is said of sets of which nothing can be measured."""

from dataclasses import replace

import numpy as np
import pytest
from people_in_views import walking_set

from gentri.errors import InputError
from gentri.evaluation import EvaluationSet, check_measurable


def unseen(one: EvaluationSet) -> EvaluationSet:
    """One camera alone detected anybody."""
    score = one.keypoints.score.copy()
    score[1:3], score[3] = np.nan, 0
    return replace(one, name="unseen", keypoints=replace(one.keypoints, score=score))


def test_sets_of_which_nothing_can_be_measured_are_refused_with_the_reason() -> None:
    one = walking_set()
    unknown = replace(one, name="unknown", truth=np.full_like(one.truth, np.nan))
    assert one.why_unmeasured() == ""
    with pytest.raises(InputError, match="measured of unseen: no two cameras detected"):
        check_measurable([unseen(one)])
    with pytest.raises(InputError, match=r"of unknown: the truth has none.*\(coco17\)"):
        check_measurable([unknown])
    twice = [unseen(one), replace(unseen(one), name="again"), unknown]
    with pytest.raises(InputError, match=r"of unseen, again: no two.*; nothing .* unknown: the"):
        check_measurable(twice)


def test_truth_and_detections_that_never_meet_are_none(caplog: pytest.LogCaptureFixture) -> None:
    one = walking_set(ticks=4)
    truth = one.truth.copy()
    truth[:, 1:] = np.nan
    score = one.keypoints.score.copy()
    score[1:, :, 0] = np.nan
    apart = replace(one, truth=truth, keypoints=replace(one.keypoints, score=score))
    assert "no two cameras" in apart.why_unmeasured()
    caplog.set_level("INFO", "gentri")
    check_measurable([one, replace(apart, name="apart")])
    assert [m.partition(":")[0] for m in caplog.messages] == ["nothing can be measured of apart"]
