"""Checkpoints, resumed trainings and early stopping."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_recipes import GATES, SHORT, SMALL, small
from recipes import changed, written

from amos_hdl.errors import StoreError
from amos_hdl.frontend.recipe import Recipe, load_recipe
from amos_hdl.frontend.train import Checkpoint, Progress, train
from tests.conftest import ROOT

torch = pytest.importorskip("torch")


INTERRUPTED = """
import sys, time
from pathlib import Path
from amos_hdl.frontend.recipe import load_recipe
from amos_hdl.frontend.train import Checkpoint, train

def report(progress):
    print(progress.epoch, flush=True)
    if progress.epoch > 2:
        time.sleep(60)

train(load_recipe(Path(sys.argv[1])), progress=report, checkpoint=Checkpoint(Path(sys.argv[2]), every_s=0))
"""


def interrupt(path: Path, file: Path) -> None:
    """Train the recipe in another process and kill that in the middle of its third epoch or later."""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, path, file], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout as lines:
        while lines.readline().strip() != b"3":
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["layers", "hidden", "gates"])
def test_killed_and_resumed_it_is_as_if_nothing_had_happened(tmp_path: Path, kind: str) -> None:
    noisy = changed("training.noise", {"potential": 0.1, "drop": 0.01})
    gates = SMALL
    for place, value in GATES.items():
        gates = changed(place, value, gates)
    recipes = {"layers": SMALL, "hidden": noisy, "gates": gates}
    path, file = written(tmp_path, recipes[kind]), tmp_path / "checkpoint.pt"
    recipe = load_recipe(path)
    interrupt(path, file)
    reports: list[Progress] = []
    resumed = train(recipe, progress=reports.append, checkpoint=Checkpoint(file, resume=True))
    # the killed process had not written the state after epoch 3
    assert [report.epoch for report in reports] == [3, 4]
    assert resumed.network.digest == train(recipe).network.digest


def test_interrupted_in_the_middle_of_an_epoch_the_last_whole_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before a checkpoint is due; what the broken epoch has changed already is not in it."""
    from amos_hdl.frontend import loop

    recipe, file = load_recipe(written(tmp_path, SMALL)), tmp_path / "checkpoint.pt"
    reports: list[Progress] = []
    plain, steps = loop._loss, itertools.count()

    def loss(*arguments: Any) -> torch.Tensor:
        if len(reports) == 2 and next(steps) == 5:
            raise KeyboardInterrupt
        return plain(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_loss", loss)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, progress=reports.append, checkpoint=Checkpoint(file))
    resumed: list[Progress] = []
    made = train(recipe, progress=resumed.append, checkpoint=Checkpoint(file, resume=True))
    assert [report.epoch for report in resumed] == [3, 4]
    straight: list[Progress] = []
    assert train(recipe, progress=straight.append).network.digest == made.network.digest
    assert straight == reports + resumed


def test_a_wrong_checkpoint_is_refused(tmp_path: Path) -> None:
    recipe, file = small(tmp_path, {"topology.layers": SHORT, "training.epochs": 2}), tmp_path / "checkpoint.pt"

    def resumed(recipe: Recipe) -> None:
        train(recipe, checkpoint=Checkpoint(file, resume=True))

    with pytest.raises(StoreError, match=r"checkpoint\.pt: cannot be read: No such file"):
        resumed(recipe)
    train(recipe, checkpoint=Checkpoint(file, every_s=0))
    whole = file.read_bytes()
    with pytest.raises(StoreError, match=r"checkpoint\.pt: a checkpoint of another recipe or of other data; train"):
        resumed(small(tmp_path, {"topology.layers": SHORT, "training.epochs": 3}))
    for damaged in (whole[: len(whole) // 2], b"", b"no checkpoint", whole[:200] + b"\0" * 50 + whole[250:]):
        file.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"checkpoint\.pt: "):
            resumed(recipe)
    torch.save({"version": 1, "identity": print}, file)
    with pytest.raises(StoreError, match=r"checkpoint\.pt: not a checkpoint"):
        resumed(recipe)
    torch.save({"version": 2}, file)
    with pytest.raises(StoreError, match=r"version of a checkpoint: expected 1, got 2"):
        resumed(recipe)


def test_early_stopping_takes_the_best_epoch(tmp_path: Path) -> None:
    changes = {"topology.layers": SHORT, "training.epochs": 40, "training.early_stopping": {"patience": 3}}
    reports: list[Progress] = []
    result = train(small(tmp_path, changes), progress=reports.append)
    assert len(reports) < 40
    counted = [report.validation for report in reports if report.epoch >= 28]
    assert len(counted) - 1 - int(np.argmax(counted)) == 3
    assert result.accuracies["validation"] == max(counted)
    # the same recipe without it learns the same as long as it goes
    free: list[Progress] = []
    train(small(tmp_path, {"topology.layers": SHORT, "training.epochs": 40}), progress=free.append)
    assert free[: len(reports)] == reports
