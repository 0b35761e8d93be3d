"""What a name on the command line means: the stored network, its recipe, its folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from amos_hdl.errors import DataError, RecipeError, StoreError
from amos_hdl.frontend.architectures.structure import STRUCTURES, Structure, StructureOptions
from amos_hdl.frontend.conversion import Conversion, ConversionRecipe, is_conversion, load_conversion
from amos_hdl.frontend.data import Dataset, check_axes, from_folder, load_dataset, load_npz
from amos_hdl.frontend.data_files import Folder, read_folder
from amos_hdl.frontend.recipe import Recipe, load_recipe
from amos_hdl.network import Network, store
from amos_hdl.schedule import HardwareOptions, Schedule
from amos_hdl.schedule.delays import fabric_of
from amos_hdl.synthesize.devices import plan
from amos_hdl.synthesize.targets import find_target

#: What may be asked for instead of folds.
GOALS = ("interval", "luts", "device")
#: How registers may be placed, and the options that do not count then.
REGISTERS = {"clock_mhz": ("adders_per_stage",), "adders_per_stage": ("clock_mhz", "fabric")}
MODELS = Path("models")
RTL = Path("rtl_out")
BUILD = Path("build")


@dataclass(frozen=True)
class Project:
    """A network by its name, folder or recipe.

    Parameters
    ----------
    folder : Path
        Of the stored network; it may not exist yet if there is a recipe.
    recipe_path : Path or None
        ``<folder>.yaml`` where that exists.
    """

    folder: Path
    recipe_path: Path | None

    @property
    def name(self) -> str:
        """Name of the network's folder, which names its other folders too."""
        return self.folder.name

    @property
    def rtl(self) -> Path:
        """Where its Verilog is written unless told otherwise."""
        return RTL / self.name

    def build(self, step: str) -> Path:
        """Where ``step`` puts what need not be kept."""
        return BUILD / self.name / step

    @cached_property
    def recipe(self) -> Recipe | None:
        """The recipe of a training, if there is one."""
        return None if self.recipe_path is None or self.conversion_recipe else load_recipe(self.recipe_path)

    @cached_property
    def conversion_recipe(self) -> ConversionRecipe | None:
        """The recipe of a conversion, if there is one."""
        path = self.recipe_path
        return load_conversion(path) if path is not None and is_conversion(path) else None

    def conversion(self) -> Conversion:
        """Return what the recipe of a conversion asks for.  Raises RecipeError if there is none."""
        if self.conversion_recipe is None or self.recipe_path is None:
            raise RecipeError("recipe without a section convert", where=str(self.recipe_path or self.folder))
        return self.conversion_recipe.conversion(self.recipe_path.parent)

    @cached_property
    def network(self) -> Network:
        """The stored network."""
        return store.load(self.folder)

    def options(
        self, flags: Mapping[str, Any] | None = None, preset: Mapping[str, Any] | None = None
    ) -> HardwareOptions:
        """Return hardware options: flags first (None: not given), then ``preset``, the recipe's, and the defaults.

        A clock takes the place of adders per stage that are said with less weight, and they of a clock.  Flags that are
        goals, ``interval``, ``luts`` and ``device``, are no options: ``schedule`` makes folds of them; but a device has
        the fabric for a clock.
        """
        recipe = self.conversion_recipe or self.recipe
        chosen: dict[str, Any] = {} if recipe is None else recipe.hardware_options
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        for source in (dict(preset or {}), {name: value for name, value in given.items() if name not in GOALS}):
            for name, others in REGISTERS.items():
                if name in source:
                    chosen = {key: value for key, value in chosen.items() if key not in others}
            chosen |= source
        if chosen.get("clock_mhz") is not None and "fabric" not in given and "device" in given:
            chosen["fabric"] = fabric_of(find_target(given["device"]).name)
        return HardwareOptions.of(chosen)

    def schedule(self, flags: Mapping[str, Any] | None = None, preset: Mapping[str, Any] | None = None) -> Schedule:
        """Return the schedule of the stored network, folded as far as the goals among the flags want.

        Raises ScheduleError, DoesNotFitError if they cannot be met.
        """
        options = self.options(flags, preset)
        goals = {name: (flags or {}).get(name) for name in GOALS}
        if any(value is not None for value in goals.values()):
            options = plan(self.network, options, **goals).options
        return Schedule(self.network, options)

    def dataset(self, images: Path | None = None) -> Dataset | None:
        """Return the images of an NPZ file, or of a folder with MNIST or CIFAR-10, else of the recipe, else None.

        Images of an NPZ file are all test images; of a folder only its test images are taken.  Raises DataError if it
        is not a data set.
        """
        if images is None and self.conversion_recipe is not None and self.recipe_path is not None:
            images = self.conversion_recipe.data_path(self.recipe_path.parent)
        if images is None:
            if self.recipe is None or self.recipe_path is None:
                return None
            return load_dataset(self.recipe.data, folder=self.recipe_path.parent)
        if images.is_dir():
            return from_folder(Folder(None, read_folder(images).test))
        pixels, labels = load_npz(images)
        flat, code = pixels.reshape(len(pixels), -1), self.network.input
        if not len(flat):
            raise DataError("no images", where=str(images))
        check_axes(pixels.shape[1:], code.shape, str(images))
        everything = np.arange(len(flat))
        return Dataset(flat, labels, everything[:0], everything[:0], everything, code.low, code.high)


@dataclass(frozen=True)
class BuiltIn:
    """A published architecture by its name: a network of the right size, without trained weights."""

    name: str
    options: StructureOptions

    @cached_property
    def structure(self) -> Structure:
        """The network, and what its units stand for."""
        return STRUCTURES[self.name](self.options)


def find_built_in(argument: str) -> str | None:
    """Return the architecture that ``argument`` names, unless a network of that name is stored."""
    stored = any((folder / store.STRUCTURE).exists() for folder in (Path(argument), MODELS / argument))
    return argument if argument in STRUCTURES and not stored else None


def _recipe_of(folder: Path) -> Path:
    """Return where the recipe of a network's folder is: beside it."""
    return folder.with_name(f"{folder.name}.yaml")


def find_project(argument: str) -> Project:
    """Return the project that ``argument`` names: a recipe, a folder with a network, or a name in ``models/``.

    Raises StoreError if there is none.
    """
    path = Path(argument)
    if path.suffix in (".yaml", ".yml"):
        name = (load_conversion if is_conversion(path) else load_recipe)(path).name
        return Project(path.parent / name, path)
    for folder in (path, MODELS / argument):
        if folder.name in ("", ".."):
            folder = folder.resolve()  # "." and ".." have no name of their own
        if folder.name and ((folder / store.STRUCTURE).exists() or _recipe_of(folder).exists()):
            recipe_path = _recipe_of(folder)
            return Project(folder, recipe_path if recipe_path.exists() else None)
    expected = f"a folder with {store.STRUCTURE}, a recipe (.yaml), or a name in {MODELS}/"
    raise StoreError("no such network", expected=expected, got=repr(argument))
