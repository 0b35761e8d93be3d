"""``amos-hdl train``."""

from __future__ import annotations

from pathlib import Path

from amos_hdl.console import Steps, table
from amos_hdl.errors import StoreError
from amos_hdl.network import store
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome


def train(
    project: Project,
    steps: Steps,
    *,
    data_folder: Path | None = None,
    resume: bool = False,
    test: bool = True,
) -> Outcome:
    """Train the network of a recipe and store it.

    ``data_folder``: instead of the recipe's.  ``resume``: go on from the checkpoint of an interrupted training.
    ``test``: report the accuracy on the test images too.
    """
    from amos_hdl.frontend.train import Checkpoint, Progress
    from amos_hdl.frontend.train import train as train_recipe

    recipe, path = project.recipe, project.recipe_path
    if recipe is None or path is None:
        if project.conversion_recipe is not None:
            hint = "its network is made by amos-hdl convert"
            raise StoreError("recipe of a conversion", where=str(path), expected="one of a training", hint=hint)
        raise StoreError("no recipe", where=str(project.folder), expected=f"{project.folder}.yaml")
    store.FOLDER.check(project.folder)
    if data_folder is not None:
        recipe = recipe.with_data_folder(data_folder)
    checkpoint = Checkpoint(project.build("train") / "checkpoint.pt", resume)
    with steps.step(f"training {project.name}", recipe.training.epochs) as bar:

        def progress(state: Progress) -> None:
            held = "" if state.validation is None else f", validation {100 * state.validation:.1f} %"
            bar.say(f"training {project.name}: loss {state.loss:.3f}, accuracy {100 * state.accuracy:.1f} %{held}")
            bar.to(state.epoch)

        parts = ("train", "validation", "test") if test else ("train", "validation")
        try:
            result = train_recipe(recipe, folder=path.parent, progress=progress, parts=parts, checkpoint=checkpoint)
        except KeyboardInterrupt as interruption:
            if not checkpoint.path.is_file():
                raise
            said = f"interrupted; amos-hdl train {path} --resume goes on after the last whole epoch"
            raise KeyboardInterrupt(said) from interruption
    store.save(result.network, project.folder)
    checkpoint.path.unlink(missing_ok=True)
    data = {
        "network": project.name,
        "folder": str(project.folder),
        "sha256": result.network.digest,
        "accuracy": dict(result.accuracies),
        "nonzero_weights": dict(result.nonzero_weights),
    }

    def show() -> None:
        rows = [(part, f"{100 * value:.2f} %") for part, value in result.accuracies.items()]
        rows += [(f"non-zero weights of {name}", f"{count:,}") for name, count in result.nonzero_weights.items()]
        table(f"{project.name}, stored in {project.folder}", ["", "value"], rows, right=["value"])

    return Outcome(data, show)
