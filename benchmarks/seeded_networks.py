"""ResNet-50 and EfficientNet with weights from a seed, converted: error of the logits, neurons and spikes.

Weights are random and batch norms have the statistics of the calibration images, so the figures say how exactly the
spiking network follows its own float network, not how well either sees.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from amos_hdl.circuit.activations import find_activation
from amos_hdl.circuit.architecture import Architecture
from amos_hdl.circuit.fitting import Effort, FittedUnit, fit
from amos_hdl.frontend.architectures.modules import seeded
from amos_hdl.frontend.convert import Images, Kept, compare, outputs_of
from amos_hdl.frontend.importers.pixels import PixelCode
from amos_hdl.frontend.importers.pytorch import import_module
from amos_hdl.frontend.quantize import QuantizeOptions, quantize
from amos_hdl.network.counts import Counts, count

PIXELS = PixelCode(0, 255, 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SEED = 1
CALIBRATION_IMAGES, TEST_IMAGES = 64, 32
#: Bits of every weight: what is left of the error is that of the units.
WEIGHT_BITS = 8


def smooth_images(count: int, size: int, seed: int) -> npt.NDArray[np.int64]:
    """Return random images whose neighbouring pixels are alike, ``(image, 3, row, column)`` from 0 to 255."""
    random = np.random.default_rng(seed)
    total = np.zeros((count, 3, size, size))
    for cells in (2, 4, 8, 16):
        coarse = torch.from_numpy(random.normal(size=(count, 3, cells, cells)))
        fine = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
        total += fine.numpy() / np.sqrt(cells)
    return np.clip(np.round(128 + 48 * total), 0, 255).astype(np.int64)


class Study:
    """One network, converted in many ways."""

    def __init__(self, name: str, size: int) -> None:
        self.name, shape = name, (3, size, size)
        calibration = smooth_images(CALIBRATION_IMAGES, size, SEED)
        test = smooth_images(TEST_IMAGES, size, SEED + 1)
        flat = [images.reshape(len(images), -1) for images in (calibration, test)]
        self.images = Images("seeded images", flat[0], flat[1], None, shape)
        module = seeded(name, SEED, torch.from_numpy(PIXELS.floats(flat[0], shape)))
        self.graph = import_module(module, shape)
        self.outputs = outputs_of(self.graph, PIXELS, self.images, lambda *_: None)

    def made(self, options: QuantizeOptions) -> tuple[Kept, Counts, float, float]:
        """Convert and judge; return what was kept, the size, and the seconds of both."""
        started = time.perf_counter()
        made = quantize(self.graph, self.name.replace("-", "_"), self.images.calibration, PIXELS, options)
        converted = time.perf_counter()
        kept = compare(made, self.outputs, self.images, lambda *_: None)
        size = sum(count(made.network).values(), Counts())
        return kept, size, converted - started, time.perf_counter() - converted

    def row(self, units: str, options: QuantizeOptions) -> None:
        """Convert, judge and print one row."""
        kept, size, *seconds = self.made(options)
        products = {"multiply": "real", "units": "units"}[options.products]
        print(
            f"| {units} | {products} | {100 * kept.logit_error:.2f} % | {100 * kept.agreement:.0f} % "
            f"| {size.gates:,} | {kept.spikes_per_image:,.0f} | {kept.spikes_per_image / size.gates:.3f} "
            f"| {sum(seconds):.0f} |",
            flush=True,
        )


def every(size: int, gates: int) -> None:
    """Print one row for each network, each converted in a process of its own, whose greatest memory is its own."""
    print(f"{size} x {size} pixels, K = {gates}, {WEIGHT_BITS}-bit weights, {TEST_IMAGES} images")
    print("| network | weights | neurons | error of the logits | same class | convert | run | memory |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ("resnet50", *(f"efficientnet-b{number}" for number in range(8))):
        process = multiprocessing.get_context("spawn").Process(target=_one, args=(name, size, gates))
        process.start()
        process.join()
        if process.exitcode:
            print(f"| {name} | ended with {process.exitcode} |", flush=True)


def _one(name: str, size: int, gates: int) -> None:
    study = Study(name, size)
    kept, counts, convert, run = study.made(QuantizeOptions(weight_bits=WEIGHT_BITS, gates=gates))
    print(
        f"| {name} | {counts.weights:,} | {counts.gates:,} | {100 * kept.logit_error:.1f} % "
        f"| {100 * kept.agreement:.0f} % | {convert:.0f} s | {run:.0f} s "
        f"| {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB |",
        flush=True,
    )


def fitted_swish(gates: int) -> FittedUnit:
    """Return the swish unit of T and H whose coefficients come with the package."""
    return fit(find_activation("swish"), gates, Architecture.parse("serial"), form="linear", effort=Effort(1, 1, 0))


def study(name: str, size: int, gates: list[int], fitted: list[int]) -> None:
    """Print the table of one network: K of exact units, then of fitted swish units, products real and of units."""
    made = Study(name, size)
    print(f"{name}, {size} x {size} pixels, {WEIGHT_BITS}-bit weights")
    print("| units | products | error of the logits | same class | neurons | spikes per image | per neuron | s |")
    print("|---|---|---|---|---|---|---|---|")
    has_products = name.startswith("efficientnet")
    for bits in gates:
        options = QuantizeOptions(weight_bits=WEIGHT_BITS, gates=bits)
        made.row(f"exact, K = {bits}", options)
        if has_products:
            made.row(f"exact, K = {bits}", replace(options, products="units"))
    for bits in fitted if has_products else []:
        options = QuantizeOptions(weight_bits=WEIGHT_BITS, gates=8, circuits=(fitted_swish(bits),))
        made.row(f"swish fitted, K = {bits}; others exact, K = 8", options)
