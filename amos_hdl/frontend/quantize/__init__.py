"""Float networks as integer networks of AMOS units: calibration, weights of few bits, thresholds."""

from amos_hdl.frontend.quantize.lower import Quantized, quantize
from amos_hdl.frontend.quantize.options import QuantizeOptions

__all__ = ["QuantizeOptions", "Quantized", "quantize"]
