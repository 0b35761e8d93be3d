"""What to write instead of operations that are not supported, by their names in PyTorch and ONNX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from amos_hdl.errors import ImportedModelError

_NORM = "use BatchNormalization, whose statistics are constants after training"
_SHRINK = "sizes can only shrink: use Conv with strides, or pools"
_CHOICE = "comparisons and choices are no functions of one tensor: use Relu, Clip, Min or Max with constants"
_BRANCH = "the graph must be fixed: export the model without branches and loops"
_WINNER = "leave it out: the network ends with the class of the greatest value"
_RECURRENT = "recurrent layers are not supported: unroll them to MatMul, Add and Tanh"
_CODES = "use QONNX's Quant, whose integers are kept exactly, or export the float model"

#: Operations of torch.ops.aten.
PYTORCH: Mapping[str, str] = {
    "conv1d": "use Conv2d with one row",
    "conv3d": "use Conv2d",
    "conv_transpose2d": "use Conv2d",
    "layer_norm": "use BatchNorm2d or BatchNorm1d, whose statistics are constants after training",
    "group_norm": "use BatchNorm2d, whose statistics are constants after training",
    "instance_norm": "use BatchNorm2d, whose statistics are constants after training",
    "matmul": "use Linear: one factor must be a constant",
    "bmm": "use Linear: one factor must be a constant",
    "scaled_dot_product_attention": "products of computed tensors are supported element by element alone",
    "permute": "keep the order channel, row, column",
    "transpose": "keep the order channel, row, column",
    "amax": "use MaxPool2d",
    "max": "use MaxPool2d for maps, or leave the greatest of the classes to the network",
    "argmax": "leave it out: the network ends with the class of the greatest value",
    "topk": "leave it out: the network ends with the class of the greatest value",
    "select": "keep all axes: slice [:, 0:1] instead of [:, 0]",
    "sum": "use mean over rows and columns",
    "flip": "turn the weights instead",
    "upsample_nearest2d": "sizes can only shrink: use Conv2d with stride, or pools",
    "upsample_bilinear2d": "sizes can only shrink: use Conv2d with stride, or pools",
    "pixel_shuffle": "sizes can only shrink: use Conv2d with stride, or pools",
    "pixel_unshuffle": "use Conv2d with stride",
    "linalg_vector_norm": "use BatchNorm2d, whose statistics are constants after training",
    "cumsum": "use Linear with weights of 0 and 1",
    "lstm": "recurrent layers are not supported",
    "gru": "recurrent layers are not supported",
    "unbind": "keep all axes: slice [:, 0:1] instead of [:, 0]",
    "index": "use slices with a step",
    "index_select": "use slices with a step",
    "gather": "use slices with a step",
    "where": "comparisons and choices are no functions of one tensor: use relu, clamp, minimum or maximum",
    "gt": "comparisons and choices are no functions of one tensor: use relu, clamp, minimum or maximum",
    "lt": "comparisons and choices are no functions of one tensor: use relu, clamp, minimum or maximum",
    "ge": "comparisons and choices are no functions of one tensor: use relu, clamp, minimum or maximum",
    "le": "comparisons and choices are no functions of one tensor: use relu, clamp, minimum or maximum",
    "amin": "use -MaxPool2d(-x)",
    "min": "use -MaxPool2d(-x)",
    "avg_pool1d": "use AvgPool2d with one row",
    "avg_pool3d": "use AvgPool2d",
    "max_pool1d": "use MaxPool2d with one row",
    "max_pool3d": "use MaxPool2d",
    "lp_pool2d": "use AvgPool2d between two functions",
    "adaptive_max_pool1d": "use AdaptiveMaxPool2d",
    "roll": "turn the weights instead",
    "repeat": "use cat",
    "expand": "products and sums broadcast maps of 1 x 1 by themselves",
    "stack": "use cat of channels",
    "einsum": "use Linear or Conv2d: one factor must be a constant",
    "embedding": "use Linear on a code of 0 and 1",
    "bilinear": "products of computed tensors are supported element by element alone",
    "var": "use BatchNorm2d, whose statistics are constants after training",
    "var_mean": "use BatchNorm2d, whose statistics are constants after training",
    "std": "use BatchNorm2d, whose statistics are constants after training",
    "local_response_norm": "use BatchNorm2d, whose statistics are constants after training",
    "quantize_per_tensor": "export the float model: quantization is done here",
    "dequantize": "export the float model: quantization is done here",
}

#: Operations of ONNX.
ONNX: Mapping[str, str] = {
    "ConvTranspose": "use Conv",
    "ConvInteger": _CODES,
    "MatMulInteger": _CODES,
    "QLinearConv": _CODES,
    "QLinearMatMul": _CODES,
    "QLinearAdd": _CODES,
    "QuantizeLinear": _CODES,
    "DequantizeLinear": _CODES,
    "DynamicQuantizeLinear": _CODES,
    "LayerNormalization": _NORM,
    "GroupNormalization": _NORM,
    "InstanceNormalization": _NORM,
    "RMSNormalization": _NORM,
    "MeanVarianceNormalization": _NORM,
    "LpNormalization": _NORM,
    "LRN": _NORM,
    "ReduceL1": _NORM,
    "ReduceL2": _NORM,
    "ReduceSum": "use ReduceMean over rows and columns, and a factor",
    "ReduceMax": "use GlobalMaxPool",
    "ReduceMin": "use Neg, GlobalMaxPool, Neg",
    "GlobalLpPool": "use GlobalAveragePool between two functions",
    "LpPool": "use AveragePool between two functions",
    "MaxRoiPool": "use MaxPool",
    "RoiAlign": "use AveragePool",
    "ArgMax": _WINNER,
    "ArgMin": _WINNER,
    "TopK": _WINNER,
    "Hardmax": _WINNER,
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "RNN": _RECURRENT,
    "Attention": "products of computed tensors are supported element by element alone",
    "Einsum": "use MatMul or Conv: one factor must be a constant",
    "Transpose": "keep the order channel, row, column",
    "Gather": "use Slice, with a step",
    "GatherElements": "use Slice, with a step",
    "GatherND": "use Slice, with a step",
    "ReverseSequence": "turn the weights instead",
    "Resize": _SHRINK,
    "Upsample": _SHRINK,
    "DepthToSpace": _SHRINK,
    "SpaceToDepth": "use Conv with strides",
    "GridSample": "use Conv",
    "Expand": "products broadcast maps of 1 x 1 by themselves",
    "Tile": "use Concat",
    "CumSum": "use MatMul with weights of 0 and 1",
    "Where": _CHOICE,
    "Greater": _CHOICE,
    "GreaterOrEqual": _CHOICE,
    "Less": _CHOICE,
    "LessOrEqual": _CHOICE,
    "Equal": _CHOICE,
    "Not": _CHOICE,
    "And": _CHOICE,
    "Or": _CHOICE,
    "Mod": "use Floor and Sub",
    "If": _BRANCH,
    "Loop": _BRANCH,
    "Scan": _BRANCH,
    "NonMaxSuppression": "end the model before it",
    "OneHot": "end the model before it",
}


def unsupported(where: str, kind: str, nearest: Mapping[str, str], known: Iterable[str]) -> ImportedModelError:
    """Return the error for an operation: its nearest supported form, or all operations that are supported."""
    if kind in nearest:
        return ImportedModelError("unsupported operation", where=where, got=kind, hint=nearest[kind])
    expected = f"one of {', '.join(sorted(known))}"
    return ImportedModelError("unsupported operation", where=where, expected=expected, got=kind)
