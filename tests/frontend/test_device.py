"""Training on another device than the CPU: all of it moves there, and a tensor left behind is an error.

No GPU is needed: tensors on PyTorch's ``meta`` device have shapes and types but no numbers, and are mixed with those of
the CPU no more than those of a GPU are.  Numbers that the loop reads are made 0.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from layer_recipes import small
from recipes import TINY, written

from amos_hdl.frontend import loop
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.layered import LayeredNetwork
from amos_hdl.frontend.normalized import NormalizedUnits
from amos_hdl.frontend.recipe import Recipe, load_recipe
from amos_hdl.frontend.shown import Shown
from amos_hdl.frontend.state import State
from amos_hdl.frontend.train import Checkpoint

META = torch.device("meta")


@pytest.fixture
def on_meta(monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """Train on the meta device, and return the states of all trainings."""
    states: list[State] = []

    class Watched(State):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            states.append(self)

    for name, read in (("item", 0.0), ("__bool__", False), ("__int__", 0), ("__float__", 0.0)):
        real = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda x, real=real, read=read: read if x.is_meta else real(x), raising=True
        )
    monkeypatch.setattr(loop, "device_for", lambda module: META)
    monkeypatch.setattr(loop, "State", Watched)
    monkeypatch.setattr(NormalizedUnits, "thresholds", lambda units: [[0] * units.top] * len(units.norm.weight))
    monkeypatch.setattr(LayeredNetwork, "cpu", lambda module: module)
    return states


def trained(recipe: Recipe, checkpoint: Checkpoint | None = None) -> torch.nn.Module:
    return loop.train_module(recipe, load_dataset(recipe.data), checkpoint=checkpoint)


def recipe_of(folder: Path) -> Recipe:
    """Return one with everything that the loop computes with: validation, digits, a teacher, changed images."""
    teacher = {"networks": 1, "hidden": 4, "epochs": 1, "learning_rate": 0.01, "temperature": 2.0, "weight": 0.5}
    changes = {
        "training.distillation": teacher,
        "training.digit_cost": 0.1,
        "training.epochs": 2,
        "training.early_stopping": {"patience": 5},
    }
    return small(folder, changes)


def test_a_gpu_is_taken_where_there_is_one_and_networks_of_layers_gain(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    module = trained(small(tmp_path, {"training.epochs": 1}))
    assert loop.device_for(module) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert loop.device_for(module) == torch.device("cuda")
    dense = trained(load_recipe(written(tmp_path, TINY)))
    assert loop.device_for(dense) == torch.device("cpu")


def test_module_images_and_optimizer_are_all_on_the_device(tmp_path: Path, on_meta: list[State]) -> None:
    module = trained(recipe_of(tmp_path))
    assert {tensor.device for tensor in module.state_dict().values()} == {META}
    assert all(parameter.grad is not None and parameter.grad.device == META for parameter in module.parameters())
    assert optimizer_devices(on_meta[0]) == {META}


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_a_checkpoint_of_the_cpu_goes_on_on_the_device(tmp_path: Path, on_meta: list[State], monkeypatch) -> None:
    recipe, path = recipe_of(tmp_path), tmp_path / "checkpoint.pt"
    with monkeypatch.context() as patched:
        patched.setattr(loop, "device_for", lambda module: torch.device("cpu"))
        trained(recipe, Checkpoint(path, every_s=0.0))
    assert optimizer_devices(on_meta[0]) == {torch.device("cpu")}
    longer = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 3})})
    monkeypatch.setattr("amos_hdl.frontend.checkpoint.identity", lambda recipe, dataset: on_meta[0]._identity)
    module = trained(longer, Checkpoint(path, resume=True))
    assert {tensor.device for tensor in module.state_dict().values()} == {META}
    assert optimizer_devices(on_meta[1]) == {META} and on_meta[1].epoch == 3


@pytest.mark.parametrize("part", ["images", "module"])
def test_what_is_left_behind_is_an_error(tmp_path: Path, on_meta: list[State], monkeypatch, part: str) -> None:
    owner = Shown if part == "images" else LayeredNetwork
    monkeypatch.setattr(owner, "to", lambda what, device: what)
    with pytest.raises(RuntimeError, match="meta"):
        trained(recipe_of(tmp_path))


def optimizer_devices(state: State) -> set[torch.device]:
    """Return where the optimizer keeps its moments; the count of steps is a number that stays on the CPU."""
    moments = state._optimizer.state_dict()["state"].values()
    return {moment[name].device for moment in moments for name in ("exp_avg", "exp_avg_sq")}
