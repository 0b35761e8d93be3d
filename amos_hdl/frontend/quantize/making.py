"""An integer network in the making: operations in order, and how float tensors become integers of it.

Scales are carried beside the integers and end in thresholds; batch norms and biases never become operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from amos_hdl.frontend.quantize.fitted import fitted_units, is_unit_of
from amos_hdl.frontend.quantize.names import Names
from amos_hdl.frontend.quantize.observe import Observed, interval
from amos_hdl.frontend.quantize.options import QuantizeOptions
from amos_hdl.frontend.quantize.scaled import Scaled, Sums
from amos_hdl.frontend.quantize.simulation import Simulation
from amos_hdl.frontend.quantize.units import Code, make_units
from amos_hdl.network import Tensor
from amos_hdl.network.operations import Conv2d, Dense, Input, Operation, Unit

Real = npt.NDArray[np.float64]
Value = Scaled | Sums

#: Widest integers that are multiplied by weights; wider ones are coded by units first.
INPUT_LIMIT_BITS = 20


class Making:
    """The operations so far, and their integers on a few images.

    Parameters
    ----------
    image : Input
    images : integers, shape (image, *shape)
        On which the integers are computed alongside, for the correction of biases.
    seen : mapping of float tensor to Observed
    options : QuantizeOptions

    Members
    -------
    unused : list of FittedUnit
        Of the options, those whose function no tensor had so far.
    """

    def __init__(
        self,
        image: Input,
        images: npt.NDArray[np.integer],
        seen: Mapping[str, Observed],
        options: QuantizeOptions,
    ) -> None:
        self.operations: list[Operation] = [image]
        self.options = options
        self._seen, self._simulation = seen, Simulation(image, images)
        self._names = Names({image.name, "winner"})
        self.unused = list(options.circuits)

    def name(self, tensor: str) -> str:
        """Return a name for the operation that gives ``tensor``."""
        return self._names.new(tensor)

    def tensor(self, value: Scaled) -> Tensor:
        """Return shape and interval of the integers of ``value``."""
        return self._simulation.tensors[value.source]

    def append(self, operation: Operation) -> str:
        """Add ``operation`` and return its name.  Raises NetworkError if it does not fit."""
        self.operations.append(operation)
        self._simulation.add(operation)
        return operation.name

    def forget(self, value: Value, others: Iterable[Value]) -> None:
        """Drop the simulated integers that ``value`` stands on, unless one of ``others`` stands on them too."""
        if not any(value.source == other.source for other in others):
            self._simulation.drop(value.source)

    def made(self, value: Value, scale: Real | None = None) -> Scaled:
        """Return ``value`` as integers; sums take the scale asked for, or the best."""
        if isinstance(value, Scaled):
            return value
        scale = value.best_scale() if scale is None else np.broadcast_to(scale, value.offset.shape)
        weights, name = value.integers(scale), self.name(value.name)
        if value.window is None:
            self.append(Dense(name, value.source, weights, value.bits))
        else:
            window, bits = value.window, value.bits
            stride, padding = window.stride, window.padding
            conv = Conv2d(name, value.source, weights, bits, stride=stride, padding=padding, groups=value.groups)
            self.append(conv)
        return Scaled(name, np.array(scale), np.array(value.offset))

    def corrected(self, value: Scaled, tensor: str) -> Scaled:
        """Return ``value`` with the mean over the simulated images that the float ``tensor`` has."""
        if not self.options.bias_correction:
            return value
        mean = self._simulation.mean(value.source) * value.scale + value.offset
        return replace(value, offset=value.offset + (self._seen[tensor].mean - mean))

    def coded(self, value: Value, tensor: str, function: Callable[[Real], Real], result: str, place: str) -> Scaled:
        """Return units that give ``function`` of ``value``, the float ``tensor``, as codes of the float ``result``.

        They are those of a circuit file if one was given for the function, else exact for the nearest code.
        """
        potential = self.corrected(self.made(value), tensor)
        source = self.tensor(potential)
        low, high = source.low, source.high
        fitted = next((unit for unit in self.options.circuits if is_unit_of(unit, function)), None)
        if fitted is not None:
            self.unused = [unit for unit in self.unused if unit is not fitted]
            units, step = fitted_units(fitted, potential.scale, potential.offset, place), float(fitted.value_step)
            steps = np.array([step])
        else:
            code = Code.of(*interval(self._seen[result], self.options, self.options.gates), self.options.gates)
            units = make_units(function, potential.scale, potential.offset, low, high, code, place)
            steps = code.step
        name = self.append(Unit(self.name(result), potential.source, *units))
        scale = np.broadcast_to(steps, potential.scale.shape).copy()
        return Scaled(name, scale, np.zeros_like(scale))

    def recoded(self, value: Value, tensor: str, place: str) -> Scaled:
        """Return units that give ``value`` itself, in the codes of the float ``tensor``."""
        return self.coded(value, tensor, _itself, tensor, place)

    def narrow(self, value: Value, tensor: str, place: str) -> Scaled:
        """Return ``value`` as integers that weights may multiply: of few bits, not sums themselves."""
        if isinstance(value, Sums) or self.tensor(value).bits > INPUT_LIMIT_BITS:
            return self.recoded(value, tensor, place)
        return value

    def centred(self, value: Scaled, tensor: str, place: str) -> Scaled:
        """Return ``value`` with an offset of (nearly) 0, so that the zeros of a padding mean 0."""
        if not value.offset.any():
            return value
        if value.source != self.operations[0].name or not value.scale.all():
            return self.recoded(value, tensor, place)
        # pixels minus the nearest whole number to the mean; the rest, less than half a pixel, stays an offset
        shift = np.round(value.offset / value.scale).astype(np.int64)
        ones = np.ones((len(shift), 1, 1, 1), np.int64)
        name = self.append(Conv2d(self.name("centred"), value.source, ones, 2, shift, groups=len(shift)))
        return Scaled(name, value.scale, value.offset - value.scale * shift)


def _itself(x: Real) -> Real:
    return x
