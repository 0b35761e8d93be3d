"""How a network is built and when each spike happens: a hardware spec per operation, and the schedule of them all."""

from amos_hdl.schedule.buffer import BufferSpec
from amos_hdl.schedule.dense import DenseSpec
from amos_hdl.schedule.estimate import buffer_estimate, estimate, placed_estimate, window_estimate
from amos_hdl.schedule.folded_sum import FoldedSumSpec
from amos_hdl.schedule.folds import Fold
from amos_hdl.schedule.formulas import Estimate
from amos_hdl.schedule.gates import GateLayerSpec, GateTable
from amos_hdl.schedule.maps import CollectSpec, ProductSpec, WireSpec
from amos_hdl.schedule.options import HardwareOptions
from amos_hdl.schedule.place import PlacedLayer
from amos_hdl.schedule.plan import Schedule
from amos_hdl.schedule.pool import MaxSpec, PoolSpec
from amos_hdl.schedule.port import Port
from amos_hdl.schedule.shared_units import SharedUnitLayerSpec
from amos_hdl.schedule.specs import ArgmaxSpec, DelaySpec, LayerSpec
from amos_hdl.schedule.stream import StreamOptions, StreamSpec
from amos_hdl.schedule.timing import MapTiming
from amos_hdl.schedule.unit import FoldedUnitSpec, UnitLayerSpec, UnitSpec
from amos_hdl.schedule.window import WindowSpec

__all__ = [
    "ArgmaxSpec",
    "BufferSpec",
    "CollectSpec",
    "DelaySpec",
    "DenseSpec",
    "Estimate",
    "Fold",
    "FoldedSumSpec",
    "FoldedUnitSpec",
    "GateLayerSpec",
    "GateTable",
    "HardwareOptions",
    "LayerSpec",
    "MapTiming",
    "MaxSpec",
    "PlacedLayer",
    "PoolSpec",
    "Port",
    "ProductSpec",
    "Schedule",
    "SharedUnitLayerSpec",
    "StreamOptions",
    "StreamSpec",
    "UnitLayerSpec",
    "UnitSpec",
    "WindowSpec",
    "WireSpec",
    "buffer_estimate",
    "estimate",
    "placed_estimate",
    "window_estimate",
]
