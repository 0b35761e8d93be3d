"""A network into a folder of Verilog, as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amos_hdl.emit.core_file import core_file
from amos_hdl.emit.headers import header
from amos_hdl.emit.manifest import MANIFEST, Manifest, make_manifest
from amos_hdl.emit.modules import check_names, network_modules
from amos_hdl.emit.stream import stream_modules
from amos_hdl.emit.verilog import convert
from amos_hdl.errors import EmitError
from amos_hdl.files import FolderKind, dump_yaml, read_yaml, write_file
from amos_hdl.gateware.harness import Harness
from amos_hdl.schedule import Schedule
from amos_hdl.schedule.stream import Protection, StreamOptions, StreamSpec


def render(
    schedule: Schedule, stream: StreamOptions | None = None, protect: Protection = "none"
) -> tuple[dict[str, str], Manifest]:
    """Return the contents of every file of a generated network by its path, and the manifest.

    Verilog files come sources before users, the AXI4-Stream wrapper last if there is one; equal networks, options and
    tools give equal bytes.  ``protect`` is of a network without a wrapper: one with a wrapper is protected as that is.
    """
    protect = protect if stream is None else stream.protect
    copies = 3 if protect == "tmr" else 1
    modules = network_modules(schedule, spikes=stream is not None and stream.registers, copies=copies)
    if stream is not None:
        modules += stream_modules(schedule, StreamSpec.of(schedule, stream))
    check_names(modules)
    verilog = convert({module.name: module.component for module in modules})
    texts = {module.path: f"{module.comment}\n{verilog[module.name]}" for module in modules}
    manifest = make_manifest(schedule, texts, stream, protect)
    network = schedule.network
    description = f"Spiking network {network.name}, at most one spike per neuron, SHA-256 {network.digest}"
    files = dict(texts)
    files[MANIFEST] = dump_yaml(manifest.model_dump(exclude_none=True))
    files[f"{network.name}.core"] = core_file(network.name, description, texts, modules[-1].name)
    return files, manifest


def generate(
    schedule: Schedule, folder: Path, stream: StreamOptions | None = None, protect: Protection = "none"
) -> Manifest:
    """Write Verilog, ``manifest.yaml`` and ``<name>.core`` into ``folder``, which is replaced as a whole.

    With ``stream`` there is a second top module, ``<name>_stream``: the network with AXI4-Streams.  ``protect``: as of
    ``render``.

    Raises EmitError if Yosys fails, the folder cannot be written, or it has a file that was not generated; what was
    there before then stays.
    """
    FOLDER.check(folder)
    files, manifest = render(schedule, stream, protect)
    with FOLDER.replaced(folder) as new:
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_text(text, encoding="utf-8", newline="\n")
    return manifest


def _generated(folder: Path) -> Callable[[str], bool]:
    """Return what tells of a file in a folder with a manifest whether it was generated."""
    try:
        files = read_yaml(folder / MANIFEST, Manifest, EmitError).files
    except EmitError:
        # damaged, or of another version: Verilog beside it is taken for generated
        return lambda name: name.endswith((".v", ".core"))
    return lambda name: name in files or name.endswith(".core")


#: Folders of generated Verilog.
FOLDER = FolderKind(MANIFEST, "amos-rtl", EmitError, _generated)


def write_harness(schedule: Schedule, folder: Path) -> tuple[str, Path, int]:
    """Write the harness of a network into ``folder``; return its module name, its file, and its own flip-flops.

    Raises EmitError if it cannot be written.
    """
    name, component = f"{schedule.network.name}_harness", Harness(schedule)
    comment = header(f"Harness of {schedule.network.name}: shift registers around the network.", [], schedule)
    path = folder / f"{name}.v"
    write_file(path, f"{comment}\n{convert({name: component})[name]}", EmitError)
    return name, path, component.registers
