"""``amos-hdl noise``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from amos_hdl.circuit import Architecture, rearranged, store
from amos_hdl.circuit.fitting import potential
from amos_hdl.circuit.noise import LEVELS, NoiseStudy, Subject, UnitSubject, in_every_architecture, study
from amos_hdl.console import Steps, note, table
from amos_hdl.errors import CircuitError, DataError
from amos_hdl.files import check_writable
from amos_hdl.network.noise import NetworkSubject, in_all_architectures, rearranged_network
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome


def noise(
    project: Project | None,
    circuit: Path | None,
    architectures: Sequence[str],
    kinds: Sequence[str],
    levels: Sequence[float],
    gate_level: float,
    devices: int,
    samples: int,
    seed: int,
    images: Path | None,
    plot: Path | None,
    steps: Steps,
) -> Outcome:
    """Measure a network, or the unit of a circuit file, against noise."""
    if (project is None) == (circuit is None):
        raise CircuitError("what noise is measured on", expected="NETWORK, or --circuit FILE")
    wanted = [Architecture.parse(name) for name in architectures]
    chosen = {kind: tuple(levels) or LEVELS[kind] for kind in kinds or LEVELS}
    if plot is not None:
        from amos_hdl.report.picture import check_picture

        check_picture(plot)
        check_writable(plot, CircuitError)
    subject: Subject
    if project is not None:
        subject = _network(project, wanted, images, samples)
    else:
        subject = _unit(circuit or Path(), wanted)
    with steps.step(f"disturbing {subject.name}", 100) as bar:

        def progress(done: int, total: int) -> None:
            bar.to(100 * done // total)

        result = study(subject, levels=chosen, gate_level=gate_level, devices=devices, seed=seed, progress=progress)
    if plot is not None:
        from amos_hdl.report.noise import plot_noise

        plot_noise(result, plot)
    data = {**asdict(result), "spreads": dict(subject.spreads), "plot": None if plot is None else str(plot)}
    return Outcome(data, lambda: _show(result, subject.spreads, plot))


def _network(project: Project, wanted: Sequence[Architecture], images: Path | None, samples: int) -> NetworkSubject:
    dataset = project.dataset(images)
    if dataset is None:
        raise DataError("no images", where=project.name, hint="give some with --images")
    if wanted:
        networks = {str(architecture): rearranged_network(project.network, architecture) for architecture in wanted}
    else:
        networks = in_all_architectures(project.network)
    part = (dataset.test if len(dataset.test) else np.arange(len(dataset.images)))[:samples]
    return NetworkSubject(networks, dataset.images[part].astype(np.int64), dataset.labels[part])


def _unit(path: Path, wanted: Sequence[Architecture]) -> UnitSubject:
    unit = store.load(path)
    low, high = potential([unit.low, unit.high], unit.potential_step).tolist()
    if wanted:
        try:
            circuits = {str(architecture): rearranged((unit.circuit,), architecture)[0] for architecture in wanted}
        except CircuitError as failure:
            raise CircuitError(str(failure), where=str(path)) from failure
    else:
        circuits = {name: layers[0][0] for name, layers in in_every_architecture([(unit.circuit,)]).items()}
    return UnitSubject(unit.activation, circuits, low, high, float(unit.value_step))


def _show(result: NoiseStudy, spreads: Mapping[str, float], plot: Path | None) -> None:
    def figure(value: float) -> str:
        return f"{100 * value:.2f} %" if result.higher_is_better else f"{value:.2e}"

    names = result.architectures
    found = {(point.kind, point.level, point.gate, point.architecture): point for point in result.points}
    rows: list[Sequence[object]] = []
    for kind, level in dict.fromkeys((point.kind, point.level) for point in result.points if not point.gate):
        points = [found[kind, level, "", name] for name in names]
        rows.append((kind, f"{level:g}", *(f"{figure(p.mean)} ±{_spread(p.deviation, result)}" for p in points)))
    title = f"{result.subject}: {result.figure} against noise, {result.devices} devices, {figure(result.exact)} without"
    table(title, ["noise", "level", *names], rows, right=["level", *names])
    kinds = list(dict.fromkeys(point.kind for point in result.points))
    gates: list[Sequence[object]] = []
    for name, gate in dict.fromkeys((point.architecture, point.gate) for point in result.points if point.gate):
        means = [found[kind, result.gate_level, gate, name].mean for kind in kinds]
        gates.append((name, gate, *map(figure, means)))
    table(f"only one gate disturbed, level {result.gate_level:g}", ["architecture", "gate", *kinds], gates, right=kinds)
    shown = ", ".join(f"{name} {spread:.1f}" if name else f"{spread:.1f}" for name, spread in spreads.items())
    note(f"level of potential and threshold: standard deviation / spread of the potentials ({shown} steps)")
    note("of drop and insert: probability; ±: standard deviation over devices; folded: one comparator, one threshold")
    if plot is not None:
        note(f"picture: {plot}")


def _spread(deviation: float, result: NoiseStudy) -> str:
    return f"{100 * deviation:.2f}" if result.higher_is_better else f"{deviation:.0e}"
