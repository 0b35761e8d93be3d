"""PyTorch modules and files of exported programs as float graphs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from amos_hdl.errors import ImportedModelError, ToolError
from amos_hdl.frontend.floats import FloatGraph
from amos_hdl.frontend.importers.archive import read_program
from amos_hdl.frontend.importers.aten import graph_of

if TYPE_CHECKING:
    import torch


def import_program(path: Path) -> FloatGraph:
    """Return the float network of the exported program at ``path`` (``torch.export.save``, PyTorch >= 2.9).

    The file is read as data: PyTorch is not needed, nothing in it is unpickled or evaluated.

    Raises ImportedModelError, naming file and place, for a damaged file or an operation that is not supported.
    """
    return graph_of(read_program(path, str(path)))


def import_module(module: torch.nn.Module, shape: tuple[int, ...]) -> FloatGraph:
    """Return the float network of ``module``, in evaluation mode, for images of ``shape`` (channel, row, column).

    Raises
    ------
    ImportedModelError
        If the module cannot be exported (``torch.export``), or has an operation that is not supported.
    ToolError
        If PyTorch is not installed, or too old to export.
    """
    try:
        import torch
    except ImportError as failure:
        raise ToolError("PyTorch is not installed", hint='pip install "amos-hdl[train]"') from failure
    source = type(module).__name__
    training = module.training
    try:
        # contiguous copies: the archive pickles other layouts
        program = torch.export.export(module.eval(), (torch.zeros(2, *shape),))
        file = io.BytesIO()
        torch.export.save(program, file)
    # not narrower: torch.export runs the user's own ``forward``, which may raise anything; nothing is hidden, for the
    # failure is the cause of the one line that it becomes, and Ctrl-C is no Exception
    except Exception as failure:
        got = str(failure).strip().split("\n")[0][:120] or type(failure).__name__
        raise ImportedModelError("cannot be exported by torch.export", where=source, got=got) from failure
    finally:
        module.train(training)
    file.seek(0)
    return graph_of(read_program(file, source))
