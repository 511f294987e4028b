"""Several people at once, as docs/method.md shows it."""

import re
from pathlib import Path

import numpy as np

from gentri import synthetic

METHOD = Path(__file__).parents[2] / "docs" / "method.md"


def test_the_example_of_the_documentation_runs() -> None:
    text = METHOD.read_text(encoding="utf-8").partition("### Several people")[2]
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.M | re.S)
    rng = np.random.default_rng(0)
    rig = synthetic.camera_ring(3)
    walks = [synthetic.walk(rng, 20) for _ in range(2)]
    seen = [synthetic.observe(rig, walk) for walk in walks]
    given = {
        "rig": rig,
        "xy_px": np.stack([one.xy_px for one in seen], axis=2),
        "score": np.stack([one.score for one in seen], axis=2),
        "time_s": seen[0].time_s,
    }
    exec(example, given)
    truth = np.stack([walk.xyz for walk in walks], axis=1)
    away = np.linalg.norm(given["points"].xyz - truth, axis=-1)
    assert away.shape == (20, 2, 17)
    assert np.isfinite(away).mean() > 0.95
    assert np.nanmean(away) < 0.003
