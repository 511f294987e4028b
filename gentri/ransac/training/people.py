"""Who is trained on, who judges, who is left out: people, never single takes of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gentri.errors import InputError
from gentri.synthetic import Clip, kinds_of_takes

JUDGES = 0.2  # share of the people, at least one
ENOUGH_FRAMES = 100  # 10 s of a judge: more is better learned from
_NAMES = 12  # in a line


@dataclass(frozen=True, eq=False)
class People:
    """Motion by what it is for.

    Attributes:
        training: clips to learn from.
        judging: clips of people who are held back; none where nobody can be spared.
        left_out: names and patterns that kept somebody out of both.
    """

    training: tuple[Clip, ...]
    judging: tuple[Clip, ...]
    left_out: tuple[str, ...]

    @property
    def judges(self) -> tuple[Clip, ...]:
        """Clips to judge by."""
        return self.judging or self.training

    @property
    def words(self) -> str:
        """Who does what, in a line."""
        judges = _listed(subjects(self.judging)) or "other takes of the same people"
        left_out = _listed(self.left_out) or "nobody"
        trained_on = _listed(subjects(self.training))
        return f"trained on {trained_on}; judged by {judges}; left out: {left_out}"


def split_by_subject(clips: tuple[Clip, ...], left_out: Iterable[str]) -> People:
    """Hold back whole people to judge by, where two or more show what the clips show.

    Args:
        clips: of everybody.
        left_out: whole names of subjects; `*` stands for anything.

    Raises:
        InputError: nobody of whom takes can be made is left to train on.
    """
    left_out = tuple(left_out)
    kept = tuple(clip for clip in clips if not _matches(clip.subject, left_out))
    if clips and not kept:
        raise InputError(
            f"all are left out of training by name: {_listed(subjects(clips))}",
            f"examples.left_out is {', '.join(left_out)}: name other people there, or none "
            "(--set examples.left_out=[])",
        )
    kinds_of_takes(kept)
    judges = _judges(kept)
    return People(
        training=tuple(clip for clip in kept if clip.subject not in judges),
        judging=tuple(clip for clip in kept if clip.subject in judges),
        left_out=tuple(p for p in left_out if any(_matches(c.subject, (p,)) for c in clips)),
    )


def subjects(clips: Iterable[Clip]) -> list[str]:
    """Names of the people, each once."""
    return sorted({clip.subject for clip in clips})


def _judges(clips: tuple[Clip, ...]) -> set[str]:
    """A share of those who walk and of those on the spot; others show the same."""
    judges: set[str] = set()
    for kind in kinds_of_takes(clips):
        frames: Counter[str] = Counter()
        for clip in clips:
            if clip.serves(kind):
                frames[clip.subject] += len(clip.xyz)
        wanted = max(1, round(JUDGES * len(frames)))
        for subject in sorted(frames, key=lambda s: (abs(frames[s] - ENOUGH_FRAMES), s)):
            if len(judges & set(frames)) < wanted and _can_spare(clips, judges | {subject}):
                judges.add(subject)
    return judges


def _can_spare(clips: tuple[Clip, ...], judges: set[str]) -> bool:
    """Whether the others show every kind of motion that there is."""
    return all(
        any(clip.serves(kind) for clip in clips if clip.subject not in judges)
        for kind in kinds_of_takes(clips)
    )


def _matches(subject: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(subject, pattern) for pattern in patterns)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    if len(names) <= _NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMES])} … ({len(names)} in all)"
