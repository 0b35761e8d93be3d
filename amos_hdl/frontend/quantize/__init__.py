"""Float networks as integer networks of AMOS units: calibration, weights of few bits, thresholds."""

from amos_hdl.frontend.quantize.options import QuantizeOptions
from amos_hdl.frontend.quantize.quantized import Quantized, quantize

__all__ = ["QuantizeOptions", "Quantized", "quantize"]
