"""The steps of a training, and all of it that has to survive a kill."""

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gentri.errors import TrainingError
from gentri.pipeline.atomic import atomic_write
from gentri.ransac.training.examples import Data, Examples
from gentri.ransac.training.settings import TrainingSettings
from gentri.ransac.training.tasks import Task

CHECKPOINT_STEPS, JUDGE_STEPS = 200, 200

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much


class Training:
    """Steps of a training, with all that has to survive a kill."""

    def __init__(
        self, task: Task, data: Data, settings: TrainingSettings, work: Path, device: str
    ) -> None:
        torch.manual_seed(settings.seed)
        self.task, self.data, self.settings, self.work = task, data, settings, work
        self.device = device
        self.network = task.network(data.training).to(device)
        self.averaged = task.network(data.training).to(device)
        self.averaged.load_state_dict(self.network.state_dict())
        # Each step sees one number of views, as often as there are examples of it.
        self.share = np.array([len(next(iter(e.values()))) for e in data.training.values()])
        self.step, self.seconds = 0, 0.0  # of all runs together
        optimizer = settings.optimizer
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=optimizer.rate, weight_decay=optimizer.decay
        )
        self._resume()

    def run(self, progress: Progress) -> dict[str, float]:
        """Take the steps that are missing; errors of what was held back at the end."""
        total, start = self.settings.optimizer.steps, time.monotonic() - self.seconds
        while self.step < total:
            self._take_step()
            self.seconds = time.monotonic() - start
            if self.step % JUDGE_STEPS == 0 or self.step == total:
                self._write_curve()
            if self.step % CHECKPOINT_STEPS == 0:
                self._save()
            progress("steps", self.step, total)
        return self._judged()

    def _take_step(self) -> None:
        settings = self.settings.optimizer
        done = self.step / settings.steps
        for group in self.optimizer.param_groups:
            warm = min(1.0, (self.step + 1) / max(1, settings.warm_up))
            group["lr"] = settings.rate * warm * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))
        rng = np.random.default_rng([self.settings.seed, self.step])
        views = rng.choice(list(self.data.training), p=self.share / self.share.sum())
        batch = self._batch(self.data.training[views], rng)
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        loss = self.task.loss(self.network, batch, int(views), done, generator)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._check_finite(loss.item(), norm.item())
        self.optimizer.step()
        self.step += 1
        keep = min(settings.averaged, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, new in zip(
                self.averaged.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(new, 1 - keep)

    def _check_finite(self, loss: float, norm: float) -> None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            rate = self.settings.optimizer.rate
            raise TrainingError(
                f"at step {self.step + 1} the loss was {loss:.3g} and its gradient {norm:.3g}: "
                "nothing can be learned any more, and no weights are written",
                f"lower optimizer.rate ({rate:g}), raise selection.temperature or loss.scale, and "
                "train again",
            )

    def _batch(self, examples: Examples, rng: np.random.Generator) -> Examples:
        count = len(next(iter(examples.values())))
        index = torch.from_numpy(rng.integers(count, size=self.settings.optimizer.batch))
        return {name: x[index].to(self.device) for name, x in examples.items()}

    def _judged(self) -> dict[str, float]:
        self.averaged.eval()
        with torch.no_grad():
            found = {
                f"{name}, {views} views": value
                for views, examples in self.data.held_back.items()
                for name, value in self.task.judged(self.averaged, examples).items()
            }
        self.averaged.train()
        return {name: round(value, 6) for name, value in found.items()}

    def _write_curve(self) -> None:
        """A line for this step, after those of the steps before."""
        row = {"step": self.step, "seconds": round(self.seconds, 1), **self._judged()}
        path, rows = self.work / "curve.csv", []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                # A run that was killed may have got farther than its checkpoint.
                rows = [old for old in csv.DictReader(file) if int(old["step"]) < self.step]
        with (
            atomic_write(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows([*rows, row])

    def _save(self) -> None:
        from safetensors.torch import save_file

        state = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        state |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{k}": v for k, v in moments.items()}
        state = {k: v.detach().clone().contiguous() for k, v in state.items()}
        with atomic_write(self.work / "checkpoint.safetensors") as path:
            save_file(state, path, {"step": str(self.step), "seconds": str(self.seconds)})

    def _resume(self) -> None:
        from safetensors import safe_open

        path = self.work / "checkpoint.safetensors"
        if not path.exists():
            return
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            self.step, self.seconds = int(about["step"]), float(about.get("seconds", 0.0))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

        def under(prefix: str) -> dict[str, torch.Tensor]:
            return {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}

        self.network.load_state_dict(under("network."))
        self.averaged.load_state_dict(under("averaged."))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in under("optimizer.").items():
            number, _, key = name.partition(".")
            moments.setdefault(int(number), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
