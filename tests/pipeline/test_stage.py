import os

import pytest

from gentri.pipeline.stage import Runtime


def test_threads_follow_the_cores_that_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert Runtime().threads == 3
    assert Runtime(workers=2).threads == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert Runtime().threads == 64
