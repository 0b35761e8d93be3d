"""Conversions: which model becomes a network, how, and judged with what; as a recipe, or made from options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from amos_hdl.circuit import store as circuit_store
from amos_hdl.errors import NetworkError, RecipeError
from amos_hdl.files import Strict, read_yaml
from amos_hdl.frontend.importers.pixels import BYTES, PixelCode
from amos_hdl.frontend.quantize.options import Calibration, Products, QuantizeOptions
from amos_hdl.frontend.recipe import Hardware
from amos_hdl.network.names import check_name

Images = Annotated[int, Field(ge=1, le=10_000_000)]
Reals = Annotated[list[float], Field(default_factory=list, max_length=4096)]


@dataclass(frozen=True)
class Conversion:
    """One conversion.

    Parameters
    ----------
    source : Path
        The trained model: ``.pt2`` or ``.onnx``.
    name : str
        Of the network.
    data : Path or None
        Images: an NPZ file, or a folder with MNIST's or CIFAR-10's files.
    test : Path or None
        Images to judge by, where they are elsewhere.
    calibration_images, test_images : int
        At most so many are used.
    pixels : PixelCode
    options : QuantizeOptions

    Raises NetworkError if the name cannot name a network.
    """

    source: Path
    name: str
    data: Path | None = None
    test: Path | None = None
    calibration_images: int = 256
    test_images: int = 500
    pixels: PixelCode = BYTES
    options: QuantizeOptions = field(default_factory=QuantizeOptions)

    def __post_init__(self) -> None:
        check_name(self.name, "a network")


class _Convert(Strict):
    """``file``: the model; ``data``: images; ``test``: others to judge by; all beside the recipe.

    At most so many images are used.
    """

    file: str
    data: str | None = None
    test: str | None = None
    calibration_images: Images = 256
    test_images: Images = 500


class _Pixels(Strict):
    """See ``PixelCode``."""

    low: int = 0
    high: int = 255
    divisor: float = 255.0
    mean: Reals
    std: Reals


class _Quantization(Strict):
    """See ``QuantizeOptions``; ``circuits`` are circuit files beside the recipe."""

    weight_bits: int = QuantizeOptions.weight_bits
    first_bits: int | None = QuantizeOptions.first_bits
    last_bits: int | None = QuantizeOptions.last_bits
    layer_bits: dict[str, int] = Field(default_factory=dict)
    gates: int = QuantizeOptions.gates
    calibration: Calibration = QuantizeOptions.calibration
    percentile: float = QuantizeOptions.percentile
    alpha: float | None = QuantizeOptions.alpha
    per_channel: bool = QuantizeOptions.per_channel
    bias_correction: bool = QuantizeOptions.bias_correction
    products: Products = QuantizeOptions.products
    circuits: list[str] = Field(default_factory=list)


class ConversionRecipe(Strict):
    """A recipe with a section ``convert`` instead of topology and training."""

    format: Literal[1]
    name: str
    convert: _Convert
    pixels: _Pixels = _Pixels(mean=[], std=[])
    quantization: _Quantization = _Quantization()
    hardware: Hardware = Hardware()

    @property
    def hardware_options(self) -> dict[str, Any]:
        """``hardware`` as plain data."""
        return self.hardware.model_dump()

    def data_path(self, folder: Path) -> Path | None:
        """Return where the images to evaluate by are, for a recipe in ``folder``."""
        data = self.convert.test or self.convert.data
        return None if data is None else folder / data

    def conversion(self, folder: Path) -> Conversion:
        """Return what the recipe, which lies in ``folder``, asks for.

        Raises ImportedModelError for numbers out of range, CircuitError for a circuit file that is none.
        """
        given, pixels = self.quantization.model_dump(), self.pixels.model_dump()
        circuits = tuple(circuit_store.load(folder / path) for path in self.quantization.circuits)
        return Conversion(
            folder / self.convert.file,
            self.name,
            None if self.convert.data is None else folder / self.convert.data,
            None if self.convert.test is None else folder / self.convert.test,
            self.convert.calibration_images,
            self.convert.test_images,
            PixelCode(**{**pixels, "mean": tuple(pixels["mean"]), "std": tuple(pixels["std"])}),
            QuantizeOptions(**{**given, "circuits": circuits}),
        )


class _Kind(BaseModel):
    """What says which kind of recipe a file is."""

    model_config = ConfigDict(extra="ignore")

    convert: Any = None


def is_conversion(path: Path) -> bool:
    """Return whether the recipe ``path`` is one of a conversion.  Raises RecipeError if it cannot be read."""
    return read_yaml(path, _Kind, RecipeError).convert is not None


def load_conversion(path: Path) -> ConversionRecipe:
    """Read and check the recipe ``path``.

    Raises
    ------
    RecipeError
        One line naming file, key, expected and got.
    """
    recipe = read_yaml(path, ConversionRecipe, RecipeError)
    try:
        check_name(recipe.name, "a network")
    except NetworkError as error:
        raise RecipeError(str(error), where=f"{path}, name") from error
    return recipe


def options_of(bits: Mapping[str, Any], circuits: tuple[Path, ...]) -> QuantizeOptions:
    """Return options, their circuit files read.  Raises as ``ConversionRecipe.conversion``."""
    return QuantizeOptions(**bits, circuits=tuple(circuit_store.load(path) for path in circuits))
