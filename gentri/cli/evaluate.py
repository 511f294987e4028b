"""`gentri eval`: ways to triangulate, held against the truth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gentri.cli import options
from gentri.errors import UsageError

if TYPE_CHECKING:
    from gentri.evaluation import Errors, EvaluationSet, Method

FRAMES, SEED, VIEWS = 2000, 0, "4"
METHODS = "learned,priors,irls,ransac,weighted,dlt"

On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="NAME",
        help="Synthetic: sketch, real-like, real-like-unscored, bias, flat-scores, "
        "squared-scores, noise-0.3, noise-0.5, noise-2, slow, even-ring, arc. From a copy of "
        "yours: human36m, panoptic.",
    ),
]
Methods = Annotated[
    str,
    typer.Option(
        "--methods",
        metavar="NAMES",
        help="With commas: dlt, weighted, huber, ransac, irls, priors, learned, or .safetensors of "
        "gentri train, of which :best takes the best candidate alone, and :sampled (whole poses: "
        ":random) one drawn by score. The first is compared with each other one.",
    ),
]
Motion = Annotated[
    list[Path] | None,
    typer.Option(
        "--motion",
        metavar="FILE",
        help="Synthetic: motion, as gentri train takes it. Several times for several.",
        show_default=False,
    ),
]
Views = Annotated[
    str | None,
    typer.Option(
        "--views",
        metavar="NUMBERS",
        help=f"Synthetic: how many cameras, as 2,3,4,6,8. Default: {VIEWS}.",
        show_default=False,
    ),
]
Frames = Annotated[
    int | None,
    typer.Option(
        "--frames", min=1, help=f"Synthetic: at least. Default: {FRAMES}.", show_default=False
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help=f"Synthetic. Default: {SEED}.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the dataset.", show_default=False),
]
Keypoints = Annotated[
    Path | None,
    typer.Option(
        "--keypoints",
        metavar="DIR",
        help="Detections of the dataset: a folder, or one data_2d_h36m_….npz.",
        show_default=False,
    ),
]
Cameras = Annotated[
    str | None,
    typer.Option(
        "--cameras",
        metavar="NAMES",
        help="Of the dataset: H36M, CMU1, CMU2, CMU3, CMU4, or numbers as 3,6,12.",
        show_default=False,
    ),
]
Subjects = Annotated[
    str | None,
    typer.Option(
        "--subjects",
        metavar="NAMES",
        help="To test on, as 05,06 or S9,S11. Default: those kept out of training.",
        show_default=False,
    ),
]
PerJoint = Annotated[bool, typer.Option("--per-joint", help="A table of the joints as well.")]


@dataclass(frozen=True)
class Trial:
    """Sets that are evaluated together, and what they are: in a document, in words."""

    about: dict[str, Any]
    title: str
    sets: "tuple[EvaluationSet, ...]"


def evaluate(
    on: On = "sketch",
    methods: Methods = METHODS,
    motion: Motion = None,
    views: Views = None,
    frames: Frames = None,
    seed: Seed = None,
    data: Data = None,
    keypoints: Keypoints = None,
    cameras: Cameras = None,
    subjects: Subjects = None,
    per_joint: PerJoint = False,
    json: options.Json = False,
) -> None:
    """Compare ways to triangulate, on the same frames with known truth."""
    from gentri.cli.failures import printable
    from gentri.cli.results import print_json
    from gentri.evaluation.datasets import DATASETS
    from gentri.evaluation.report import document, report
    from gentri.evaluation.synthetic import SUITES

    synthetic = {"motion": motion, "views": views, "frames": frames, "seed": seed}
    recorded = {"data": data, "keypoints": keypoints, "cameras": cameras}
    if on in DATASETS:
        _refuse(synthetic, on)
        trials = _recorded(on, subjects=subjects, **recorded)
    elif on in SUITES:
        _refuse(recorded, on)
        trials = _synthetic(on, subjects=subjects, **synthetic)
    else:
        raise UsageError.unknown("suite or dataset", on, [*SUITES, *DATASETS])
    ways = _ways(methods)
    tests = []
    for trial in trials:
        results = _results(trial, ways)
        tests.append(trial.about | document(results))
        if not json:
            print(printable(f"{trial.title}\n\n{report(results, per_joint=per_joint)}\n"))
    if json:
        print_json({"on": on, "tests": tests})


def _ways(names: str) -> "dict[str, Method]":
    from gentri.evaluation.methods import method

    ways = {name: method(name) for name in names.split(",") if name}
    if not ways:
        raise UsageError("--methods names none", "as in --methods learned,irls,dlt")
    return ways


def _refuse(given: Mapping[str, object], on: str) -> None:
    if names := [f"--{name}" for name, value in given.items() if value is not None]:
        raise UsageError(f"{', '.join(names)}: not for --on {on}", "leave it out")


def _synthetic(
    on: str,
    *,
    motion: list[Path] | None,
    views: str | None,
    frames: int | None,
    seed: int | None,
    subjects: str | None,
) -> Iterator[Trial]:
    """One trial per number of views."""
    from gentri.evaluation.synthetic import chosen_clips, suite, synthetic_sets
    from gentri.motion import read_motion

    if not motion:
        raise UsageError(
            f"--on {on} needs motion of people",
            "give --motion FILE, such as examples/cmu_mocap/cmu_subset_10hz.npz of gentri's "
            "repository, or a folder of AMC, BVH or C3D files",
        )
    clips = [clip for path in motion for clip in read_motion(path)]
    clips, whose = chosen_clips(clips, subjects.split(",") if subjects else None)
    for count in _numbers(VIEWS if views is None else views):
        number = FRAMES if frames is None else frames
        sets = tuple(
            synthetic_sets(suite(on), count, clips, number, SEED if seed is None else seed)
        )
        about = {"views": count, "takes": len(sets), "people": whose}
        title = f"{on} ({suite(on).what}), {count} views, {len(sets)} takes, {whose}"
        yield Trial(about, title, sets)


def _recorded(
    on: str, *, data: Path | None, keypoints: Path | None, cameras: str | None, subjects: str | None
) -> Iterator[Trial]:
    """The one trial on a dataset."""
    from gentri.evaluation.datasets import camera_numbers, read_human36m, read_panoptic
    from gentri.evaluation.protocols import TEST_SUBJECTS

    if data is None:
        raise UsageError(f"--on {on} needs a copy of the dataset", "give --data DIR")
    numbers = camera_numbers(on, cameras)
    if on == "human36m":
        people = tuple(subjects.split(",")) if subjects else TEST_SUBJECTS
        sets = read_human36m(data, keypoints, numbers, people)
    else:
        _refuse({"subjects": subjects}, on)
        sets = read_panoptic(data, keypoints, numbers)
    names = [one.name for one in sets]
    about = {"views": len(numbers), "cameras": list(numbers), "sets": names}
    title = f"{on}, cameras {', '.join(map(str, numbers))}, of {', '.join(names)}"
    yield Trial(about, title, sets)


def _numbers(text: str) -> list[int]:
    """Numbers of views."""
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 2:
        raise UsageError(f"--views {text}: numbers from 2 on are needed", "as in --views 2,3,4")
    return numbers


def _results(trial: Trial, ways: "Mapping[str, Method]") -> "dict[str, Errors]":
    """Errors of every method, with progress; refused where nothing can be measured."""
    from gentri.cli.progress import open_reporter
    from gentri.evaluation import check_measurable
    from gentri.evaluation import evaluate as errors_of

    check_measurable(trial.sets)
    clips = [len(list(one.parts())) for one in trial.sets]
    total, done = sum(clips) * len(ways), 0
    with open_reporter("eval") as reporter:

        def counted(way: "Method") -> "Method":
            def call(*seen: Any) -> Any:
                nonlocal done
                reporter.advance(done, total, "clips")
                done += 1
                return way(*seen)

            return call

        return {name: errors_of(counted(way), trial.sets) for name, way in ways.items()}
