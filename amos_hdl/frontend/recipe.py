"""Recipes: how a network is made, as checked data.  ``models/<name>.yaml`` remakes ``models/<name>/``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from amos_hdl.circuit import Architecture, Disturbance, relu
from amos_hdl.circuit.architecture import FOLDED, SPELLINGS
from amos_hdl.errors import CircuitError, NetworkError, RecipeError
from amos_hdl.files import Strict, read_yaml
from amos_hdl.frontend.layers import (
    GATE_LIMIT,
    LAYER_LIMIT,
    UNIT_LIMIT,
    ConvLayer,
    DenseLayer,
    Layer,
    Magnitudes,
    check_layers,
)
from amos_hdl.network.names import check_name

#: Version of the recipe format.
VERSION = 1

Seed = Annotated[int, Field(ge=0, lt=1 << 32)]
#: Greatest pixels of scikit-learn's digits, and of MNIST and CIFAR-10.
DIGITS_HIGH, BYTE_HIGH = 16, 255

Images = Annotated[int, Field(ge=0, le=10_000_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Data(Strict):
    """Which images, and how they are divided; the division is stratified by class.

    ``source`` is ``digits`` (scikit-learn), ``npz`` (``file``, beside the recipe; pixels ``low`` to ``high``), or
    ``mnist`` or ``cifar10`` (the original files in ``folder``, pixels 0 to 255, test images of their own).
    """

    source: Literal["digits", "npz", "mnist", "cifar10"]
    file: str | None = None
    folder: str | None = None
    low: Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)] | None = None
    high: Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)] | None = None
    test_images: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    validation_images: Images = 0
    split_seed: Seed


class Topology(Strict):
    """A dense network or one of any layers.

    Dense: ``hidden``, units of each hidden layer, and ``nonzero_weights``, how many weights each dense layer keeps.
    Any: ``layers``, the last of kind ``logits`` or ``votes``; what the others are, ``frontend/layers.py`` says.
    """

    hidden: Annotated[list[Annotated[int, Field(ge=1, le=UNIT_LIMIT)]], Field(max_length=LAYER_LIMIT)] = Field(
        default_factory=list
    )
    nonzero_weights: list[Annotated[int, Field(ge=1, le=1 << 24)]] = Field(default_factory=list)
    layers: Annotated[list[Layer], Field(max_length=LAYER_LIMIT)] = Field(default_factory=list)


class Quantization(Strict):
    """``magnitudes``: for each layer of a dense network the magnitudes a weight may have, rising from 0; both signs."""

    weight_bits: Annotated[int, Field(ge=2, le=8)] = 4
    magnitudes: list[Magnitudes] = Field(default_factory=list)


class Units(Strict):
    """What spikes: the input units, and for each hidden layer of a dense network ReLU units or those of a circuit file.

    ``input_thresholds``: 2**K - 1 rising pixel values, steps of the input units.  ``gates``: K, the bits of ReLU units;
    null where ``circuits`` names a file that ``amos-hdl fit --out`` wrote, beside the recipe.  ``architectures``:
    serial, flash, staged(m) or folded; null, and the default, is serial for ReLU units and a circuit file's own.
    ``value_bits``: y of a circuit file is kept in as many bits at most.
    """

    input_thresholds: Annotated[list[int], Field(min_length=1, max_length=(1 << GATE_LIMIT) - 1)]
    gates: list[Annotated[int, Field(ge=1, le=GATE_LIMIT)] | None] = Field(default_factory=list)
    architectures: Annotated[list[str | None], Field(default_factory=list, max_length=LAYER_LIMIT)]
    circuits: Annotated[list[str | None], Field(default_factory=list, max_length=LAYER_LIMIT)]
    value_bits: Annotated[int, Field(ge=1, le=16)] = 8

    def layers(self) -> Iterator[tuple[int | None, str | None, Architecture | None]]:
        """Yield K, circuit file and architecture of each hidden layer.  Raises CircuitError for no architecture."""
        nothing = [None] * len(self.gates)
        for bits, file, name in zip(self.gates, self.circuits or nothing, self.architectures or nothing, strict=True):
            yield bits, file, None if name is None else Architecture.parse(name)


class Augmentation(Strict):
    """Random changes of the training images; ``copies`` changed images per image, beside ``clean_copies`` of itself.

    Shifts are in pixels, rotations in degrees, scale and shear are fractions; each is drawn evenly from -v to v.
    ``flip``: every other changed image is mirrored, left to right.
    """

    copies: Annotated[int, Field(ge=0, le=1000)] = 0
    clean_copies: Annotated[int, Field(ge=1, le=1000)] = 1
    shift_pixels: Annotated[float, Field(ge=0, le=16)] = 0.0
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    shear: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    flip: bool = False


class Distillation(Strict):
    """An ensemble of float networks (one hidden layer of ``hidden`` ReLU) whose soft answers are learnt as well.

    loss = (1 - weight)·cross-entropy(labels) + weight·temperature²·KL(teacher, student), both at ``temperature``.
    """

    networks: Annotated[int, Field(ge=1, le=64)]
    hidden: Annotated[int, Field(ge=1, le=UNIT_LIMIT)]
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    temperature: Annotated[float, Field(gt=0, le=100)]
    weight: Fraction


class Ramp(Strict):
    """Begins and ends at these fractions of the training."""

    start: Fraction
    end: Fraction


class Noise(Strict):
    """How much gates err while the network learns; see ``circuit.Disturbance`` for what the levels mean."""

    potential: Annotated[float, Field(ge=0, le=100)] = 0.0
    threshold: Annotated[float, Field(ge=0, le=100)] = 0.0
    drop: Fraction = 0.0
    insert: Fraction = 0.0

    @property
    def disturbance(self) -> Disturbance:
        """The same as an object of the model."""
        return Disturbance(**self.model_dump())


class EarlyStopping(Strict):
    """Ends after ``patience`` epochs without a better share of right answers on the validation images.

    Counted from the end of the ramp ``rounding``; the network is then that of the best of those epochs.
    """

    patience: Annotated[int, Field(ge=1, le=100_000)]


class Training(Strict):
    """One run of Adam with a cosine-falling learning rate, on real weights in units of one integer step.

    In the ramp ``pruning`` the number of weights falls to the recipe's; in ``rounding``, which begins after it, the
    weights that are left become integers: of dense networks few by few, for good; of others all, little by little.
    ``digit_cost``: how much one signed digit more of every weight of ``topology.layers`` adds to the loss;
    ``gate_cost``: how much one gate more of every unit of layers ``conv`` and ``dense`` does; they may lose some then;
    ``fan_in_cost``: how much one input more of every gate of layers ``gates`` does.
    """

    seed: Seed
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_images: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    digit_cost: Annotated[float, Field(ge=0, le=100)] = 0.0
    gate_cost: Annotated[float, Field(ge=0, le=100)] = 0.0
    fan_in_cost: Annotated[float, Field(ge=0, le=100)] = 0.0
    pruning: Ramp = Ramp(start=0.05, end=0.4)
    rounding: Ramp = Ramp(start=0.4, end=0.9)
    augmentation: Augmentation = Augmentation()
    distillation: Distillation | None = None
    noise: Noise = Noise()
    early_stopping: EarlyStopping | None = None


class Hardware(Strict):
    """Choices of hardware that do not change what is computed.

    ``adders_per_stage``: adder levels between two pipeline registers.  ``lut_inputs``: of the device's look-up tables.
    ``extra_adder_levels``: more give smaller sums and a longer latency.  ``folded``: unit layers of one comparator.
    ``table_bits``: gates of sums of so few bits are look-up tables.  ``clock_mhz``, ``fabric``: registers for a clock
    of so many MHz on that fabric, instead of ``adders_per_stage``.  ``interval``: clock cycles from one image to the
    next.
    """

    adders_per_stage: Annotated[int, Field(ge=1, le=64)] = 1
    lut_inputs: Literal[2, 4, 6] = 4
    extra_adder_levels: Annotated[int, Field(ge=0, le=32)] = 0
    folded: list[str] = Field(default_factory=list)
    table_bits: Annotated[int, Field(ge=0, le=8)] | None = None
    clock_mhz: Annotated[int, Field(ge=1, le=2000)] | None = None
    fabric: str | None = None
    interval: Annotated[int, Field(ge=1)] | None = None


class Recipe(Strict):
    """How a network is made: every knob of its training, and the hardware options it is meant for."""

    format: Literal[1]
    name: str
    data: Data
    topology: Topology
    quantization: Quantization = Quantization()
    units: Units
    training: Training
    hardware: Hardware = Hardware()

    @property
    def hardware_options(self) -> dict[str, Any]:
        """``hardware`` as plain data; layers whose architecture is ``folded`` are folded."""
        by_architecture = [
            hidden_layer(number)
            for number, (_, _, architecture) in enumerate(self.units.layers(), start=1)
            if architecture == FOLDED
        ]
        return {
            **self.hardware.model_dump(exclude_none=True),
            "folded": list(dict.fromkeys(self.hardware.folded + by_architecture)),
        }

    def with_data_folder(self, folder: Path) -> Recipe:
        """Return the recipe with its images in another folder, relative to the current one.

        Raises RecipeError if its data are no folder.
        """
        if self.data.folder is None:
            expected = "a recipe whose data are a folder"
            raise RecipeError("folder of data", where=self.name, expected=expected, got=self.data.source)
        data = self.data.model_copy(update={"folder": str(folder.absolute())})
        return self.model_copy(update={"data": data})


def hidden_layer(number: int) -> str:
    """Return the name of the units of hidden layer ``number``, from 1, in the network."""
    return f"hidden{number}"


def load_recipe(path: Path) -> Recipe:
    """Read and check the recipe file ``path``.

    Raises
    ------
    RecipeError
        One line naming file, key, expected and got: unknown key, wrong type or version, value out of range,
        settings that contradict each other, or a file that is missing or not YAML.
    """
    recipe = read_yaml(path, Recipe, RecipeError)
    _check(recipe, str(path))
    return recipe


def _check(recipe: Recipe, path: str) -> None:
    """Raise RecipeError if settings contradict each other."""

    def refuse(key: str, what: str, expected: str, got: object) -> RecipeError:
        return RecipeError(what, where=f"{path}, {key}", expected=expected, got=repr(got))

    try:
        check_name(recipe.name, "a network")
    except NetworkError as error:
        raise RecipeError(str(error), where=f"{path}, name") from error
    if bool(recipe.topology.hidden) == bool(recipe.topology.layers):
        got = f"{len(recipe.topology.hidden)} hidden, {len(recipe.topology.layers)} layers"
        raise refuse("topology", "network", "either hidden or layers", got)
    _check_units(recipe.units, refuse)
    if recipe.training.fan_in_cost and all(layer.kind != "gates" for layer in recipe.topology.layers):
        raise refuse("training.fan_in_cost", "setting", "0 without layers of gates", recipe.training.fan_in_cost)
    gates = [layer.gates for layer in recipe.topology.layers if isinstance(layer, ConvLayer | DenseLayer)]
    if recipe.training.gate_cost and max(gates, default=1) == 1:
        expected = "0 without layers conv or dense whose units have 2 or more gates"
        raise refuse("training.gate_cost", "setting", expected, recipe.training.gate_cost)
    if recipe.topology.hidden:
        _check_dense(recipe, refuse)
    else:
        _check_any(recipe, refuse)
    for name in ("pruning", "rounding"):
        ramp: Ramp = getattr(recipe.training, name)
        if ramp.start >= ramp.end:
            raise refuse(f"training.{name}", "ramp", "start < end", f"{ramp.start} to {ramp.end}")
    if recipe.training.rounding.start < recipe.training.pruning.end:
        expected = f"at least pruning.end, {recipe.training.pruning.end}"
        raise refuse("training.rounding.start", "ramp", expected, recipe.training.rounding.start)
    data = recipe.data
    if recipe.training.early_stopping and not data.validation_images:
        raise refuse("training.early_stopping", "validation images", "some in data.validation_images", 0)
    interval = (data.low, data.high)
    brings_test = data.source in ("mnist", "cifar10")
    if (data.test_images is None) != brings_test:
        expected = f"none: {data.source} has its own" if brings_test else "how many images are set aside"
        raise refuse("data.test_images", "test images", expected, data.test_images)
    if (data.folder is None) == brings_test:
        expected = "where the files are" if brings_test else f"none for {data.source}"
        raise refuse("data.folder", "folder", expected, data.folder)
    if data.source == "npz":
        if data.file is None or data.low is None or data.high is None or data.low >= data.high:
            got = f"{data.file}, {data.low} to {data.high}"
            raise refuse("data", "npz source", "file, and low < high", got)
    elif data.file is not None or interval != (None, None):
        raise refuse("data", f"{data.source} source", "neither file, low nor high", data.file or interval)
    low, high = interval if data.source == "npz" else (0, DIGITS_HIGH if data.source == "digits" else BYTE_HIGH)
    beyond = [step for step in recipe.units.input_thresholds if not (low or 0) < step <= (high or 0)]
    if beyond:
        expected = f"{(low or 0) + 1} to {high}: a pixel may reach it or not"
        raise refuse("units.input_thresholds", "threshold", expected, beyond[0])


def _check_dense(recipe: Recipe, refuse: Callable[[str, str, str, object], RecipeError]) -> None:
    """Raise RecipeError unless each layer of a dense network has what it needs."""
    if recipe.training.digit_cost:
        raise refuse("training.digit_cost", "setting", "0 without topology.layers", recipe.training.digit_cost)
    hidden, magnitudes = recipe.topology.hidden, recipe.quantization.magnitudes
    if len(recipe.units.gates) != len(hidden):
        raise refuse("units.gates", "length", f"{len(hidden)}, one per hidden layer", len(recipe.units.gates))
    for key, count in (
        ("topology.nonzero_weights", len(recipe.topology.nonzero_weights)),
        ("quantization.magnitudes", len(magnitudes)),
    ):
        if count != len(hidden) + 1:
            raise refuse(key, "length", f"{len(hidden) + 1}, one per dense layer", count)
    greatest = (1 << (recipe.quantization.weight_bits - 1)) - 1
    for layer, values in enumerate(magnitudes):
        if values[0] != 0 or any(a >= b for a, b in pairwise(values)):
            raise refuse(f"quantization.magnitudes.{layer}", "magnitudes", "0 first, then rising", values)
        if values[-1] > greatest:
            expected = f"at most {greatest} ({recipe.quantization.weight_bits} bits)"
            raise refuse(f"quantization.magnitudes.{layer}", "magnitude", expected, values[-1])


def _check_any(recipe: Recipe, refuse: Callable[[str, str, str, object], RecipeError]) -> None:
    """Raise RecipeError if the layers contradict each other, or settings are given that are for dense networks."""
    for key, value in (
        ("topology.nonzero_weights", recipe.topology.nonzero_weights),
        ("quantization.magnitudes", recipe.quantization.magnitudes),
        ("units.gates", recipe.units.gates),
        ("training.noise", recipe.training.noise != Noise()),
    ):
        if value:
            raise refuse(key, "setting", "none, for the network is given by topology.layers", value)
    check_layers(recipe.topology.layers, recipe.quantization.weight_bits, len(recipe.units.input_thresholds), refuse)


def _check_units(units: Units, refuse: Callable[[str, str, str, object], RecipeError]) -> None:
    """Raise RecipeError if the units of a layer are none, two things at once, or not of their architecture."""
    steps = units.input_thresholds
    if len(steps) & (len(steps) + 1) or any(a >= b for a, b in pairwise(steps)):
        raise refuse("units.input_thresholds", "thresholds", "2**K - 1 of them, rising", steps)
    for key, values in (("circuits", units.circuits), ("architectures", units.architectures)):
        if values and len(values) != len(units.gates):
            raise refuse(f"units.{key}", "length", f"{len(units.gates)}, one per hidden layer", len(values))
    for layer, (name, bits) in enumerate(zip(units.architectures, units.gates, strict=False)):
        expected = SPELLINGS
        try:
            architecture = None if name is None else Architecture.parse(name)
            expected = f"one that makes {bits} bits"
            if architecture is not None and bits is not None:
                relu(bits, architecture=architecture)
        except CircuitError as failure:
            raise refuse(f"units.architectures.{layer}", "architecture", expected, name) from failure
    for layer, (bits, file, _) in enumerate(units.layers()):
        if (bits is None) == (file is None):
            got = f"gates {bits}, circuit {file}"
            raise refuse(f"units.gates.{layer}", "units", "either gates or a circuit file", got)
