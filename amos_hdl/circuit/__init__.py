"""What an AMOS unit is: threshold circuits as integers, and the standard ones."""

from amos_hdl.circuit.bank import CircuitBank
from amos_hdl.circuit.disturbance import Disturbance, DisturbedGates
from amos_hdl.circuit.standard import quantizer, relu
from amos_hdl.circuit.threshold import ThresholdCircuit

__all__ = ["CircuitBank", "Disturbance", "DisturbedGates", "ThresholdCircuit", "quantizer", "relu"]
