"""Methods of triangulation held against the truth: sets, metrics, intervals, tables, datasets."""

from gentri.evaluation.bootstrap import Interval, difference_interval, mean_interval
from gentri.evaluation.comparison import (
    Errors,
    Method,
    Summary,
    difference_mm,
    evaluate,
    joint_table,
    summarise,
    table,
)
from gentri.evaluation.suites import EvaluationSet, check_measurable, joined, mapped

__all__ = [
    "Errors",
    "EvaluationSet",
    "Interval",
    "Method",
    "Summary",
    "check_measurable",
    "difference_interval",
    "difference_mm",
    "evaluate",
    "joined",
    "joint_table",
    "mapped",
    "mean_interval",
    "summarise",
    "table",
]
