"""Where a training is: what a checkpoint holds, when it stops, which epoch was the best."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from amos_hdl.errors import StoreError
from amos_hdl.frontend import checkpoint
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.recipe import Recipe
from amos_hdl.frontend.train import Checkpoint


class State:
    """Everything that changes while a network is trained.

    Parameters
    ----------
    recipe : Recipe
    dataset : Dataset
    module : nn.Module
    optimizer : torch.optim.Optimizer
    generator : torch.Generator
    noise : torch.Generator, optional

    Members
    -------
    epoch : int
        Epochs done.
    stopped : bool
        Whether the recipe's patience is at its end.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        noise: torch.Generator | None,
    ) -> None:
        self._identity = checkpoint.identity(recipe, dataset)
        self._patience = recipe.training.early_stopping and recipe.training.early_stopping.patience
        self._module, self._optimizer = module, optimizer
        self._generators = {"generator": generator} | ({} if noise is None else {"noise": noise})
        self.epoch, self._kept = 0, time.monotonic()
        self._best: dict[str, Any] = {}
        self._last: dict[str, Any] = {}

    @property
    def stopped(self) -> bool:
        """See the class."""
        return bool(self._best) and self.epoch - self._best["epoch"] >= (self._patience or 0)

    def advance(self, validation: float | None, *, whole: bool) -> None:
        """Count an epoch with so many right answers on the validation images; ``whole``: weights are integers now."""
        self.epoch += 1
        if self._patience is None or validation is None or not whole:
            return
        if not self._best or validation > self._best["validation"]:
            module = copy.deepcopy(self._module.state_dict())
            self._best = {"epoch": self.epoch, "validation": validation, "module": module}

    def restore_best(self) -> None:
        """Go back to the best epoch, if the recipe asks for it."""
        if self._best:
            self._module.load_state_dict(self._best["module"])

    def keep(self, where: Checkpoint) -> None:
        """Note the state after an epoch, and write it if the last checkpoint is old enough."""
        # a copy: while the next epoch runs, the module's own state belongs to no whole epoch
        self._last = copy.deepcopy(
            {
                "epoch": self.epoch,
                "module": self._module.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "generators": {name: generator.get_state() for name, generator in self._generators.items()},
                "best": self._best,
            }
        )
        if time.monotonic() - self._kept >= where.every_s:
            self.write(where)

    def write(self, where: Checkpoint) -> None:
        """Write the state after the last whole epoch, if there was one since the training began."""
        if self._last:
            checkpoint.save(where.path, self._last, self._identity)
            self._kept = time.monotonic()

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.  Raises StoreError if it is damaged or of another training."""
        state = checkpoint.load(path, self._identity)
        try:
            self._module.load_state_dict(state["module"])
            self._optimizer.load_state_dict(state["optimizer"])
            for name, generator in self._generators.items():
                generator.set_state(state["generators"][name])
            self.epoch, self._best = int(state["epoch"]), dict(state["best"])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as failure:
            got = str(failure).splitlines()[0][:80]
            raise StoreError("checkpoint", where=str(path), expected="the state of this network", got=got) from failure
