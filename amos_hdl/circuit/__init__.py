"""What an AMOS unit is: threshold circuits as integers, their architectures, and the standard ones."""

from amos_hdl.circuit.architecture import FLASH, FOLDED, SERIAL, Architecture
from amos_hdl.circuit.bank import CircuitBank
from amos_hdl.circuit.decision import decision, gates_of_decision
from amos_hdl.circuit.disturbance import Disturbance, DisturbedGates
from amos_hdl.circuit.rearrange import Steps, flash_circuit, rearranged, steps
from amos_hdl.circuit.standard import evenly_spaced, quantizer, relu
from amos_hdl.circuit.threshold import ThresholdCircuit

__all__ = [
    "FLASH",
    "FOLDED",
    "SERIAL",
    "Architecture",
    "CircuitBank",
    "Disturbance",
    "DisturbedGates",
    "Steps",
    "ThresholdCircuit",
    "decision",
    "evenly_spaced",
    "flash_circuit",
    "gates_of_decision",
    "quantizer",
    "rearranged",
    "relu",
    "steps",
]
