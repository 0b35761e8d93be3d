"""``amos-hdl evaluate``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.console import Steps, table
from amos_hdl.errors import DataError
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.reference import load_reference
from amos_hdl.network import Network, golden, statistics
from amos_hdl.network.counts import Counts, count
from amos_hdl.network.statistics import Statistics
from amos_hdl.project import Project
from amos_hdl.verbs.outcome import Outcome
from amos_hdl.verbs.rtl import check_rtl, rtl_rows


def evaluate(
    project: Project,
    images: Path | None,
    steps: Steps,
    *,
    reference: Path | None = None,
    on_rtl: bool = False,
    rtl: Path | None = None,
) -> Outcome:
    """Count right answers, spikes and synaptic operations over all images, by the golden model.

    ``reference``: a file with the answers of the original network, to compare with.  ``on_rtl``: every image through
    the Verilog as well.
    """
    network, dataset = project.network, project.dataset(images)
    if dataset is None:
        raise DataError("no images", where=project.name, hint="give some with --images")
    original = None if reference is None else load_reference(reference, len(dataset.images)).ranking
    with steps.step(f"evaluating {len(dataset.images):,} images", len(dataset.images)) as bar:
        started = time.perf_counter()
        counted = statistics.measure(network, dataset.images, progress=bar.to)
        seconds = time.perf_counter() - started
    data: dict[str, Any] = {
        "network": project.name,
        "images": counted.images,
        **_answers(dataset, counted.ranking, network),
        "test_images": len(dataset.test),
        **_spikes(network, counted),
        "images_per_second": counted.images / seconds,
    }
    if original is not None:
        data["reference"] = _comparison(dataset, counted.ranking, original)
    if on_rtl:
        data["rtl"] = check_rtl(project, golden.check_images(network, dataset.images), rtl, steps)
    return Outcome(data, lambda: _show(data, dataset))


def _hits(dataset: Dataset, ranking: npt.NDArray[np.int64], ranks: int) -> dict[str, float]:
    """Return for each part of the data set how often the label is among the best ``ranks`` classes."""
    hits = (ranking[:, :ranks] == dataset.labels[:, None]).any(axis=1)
    return {name: float(hits[part].mean()) for name, part in dataset.splits.items()}


def _answers(dataset: Dataset, ranking: npt.NDArray[np.int64], network: Network) -> dict[str, dict[str, float]]:
    """Return top-1 accuracy, and top-5 where that says anything; nothing where the network has no scores."""
    if network.scores is None:
        return {"accuracy": {}, "top5_accuracy": {}}
    many = network.tensors[network.scores].units > ranking.shape[1]
    return {
        "accuracy": _hits(dataset, ranking, 1),
        "top5_accuracy": _hits(dataset, ranking, 5) if many else {},
    }


def _comparison(
    dataset: Dataset, ranking: npt.NDArray[np.int64], original: npt.NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return accuracy of the original network, and how often both say the same."""
    if not ranking.shape[1]:
        raise DataError("answers to compare", expected="a network with an argmax or one output of scores")
    same = ranking[:, 0] == original[:, 0]
    return {
        "accuracy": _hits(dataset, original, 1),
        "top5_accuracy": _hits(dataset, original, 5) if original.shape[1] == 5 else {},
        "agreement": {name: float(same[part].mean()) for name, part in dataset.splits.items()},
    }


def _spikes(network: Network, counted: Statistics) -> dict[str, Any]:
    sizes = count(network)
    total = sum(sizes.values(), Counts())
    per_image = counted.spike_count / counted.images
    return {
        "units": total.units,
        "gates": total.gates,
        "spikes_per_image": per_image,
        "spikes_per_unit": per_image / total.units if total.units else 0.0,
        "spikes_per_gate": per_image / total.gates if total.gates else 0.0,
        "firing_rate_per_plane": {
            name: (planes / counted.images / sizes[name].units).tolist() for name, planes in counted.spikes.items()
        },
        "synaptic_operations_per_image": counted.synaptic_operation_count / counted.images,
        "synaptic_operations_per_image_by_layer": {
            name: operations / counted.images for name, operations in counted.synaptic_operations.items()
        },
    }


def _show(data: Mapping[str, Any], dataset: Dataset) -> None:
    rows: list[Sequence[object]] = []
    sets: list[tuple[str, Mapping[str, Any]]] = [("", data)]
    if "reference" in data:
        sets.append((" of the original", data["reference"]))
    for name, part in dataset.splits.items():
        for key, what in (("accuracy", "accuracy"), ("top5_accuracy", "top-5 accuracy")):
            for whose, found in sets:
                if name in found[key]:
                    rows.append((f"{what}{whose}, {name}", f"{100 * found[key][name]:.2f} %", f"{len(part):,} images"))
        if "reference" in data:
            rows.append(
                (f"agreement, {name}", f"{100 * data['reference']['agreement'][name]:.2f} %", "same best class")
            )
    rows += [
        ("spikes per image", f"{data['spikes_per_image']:,.1f}", f"of {data['gates']:,} gates"),
        ("spikes per unit", f"{data['spikes_per_unit']:.3f}", f"{data['units']:,} units"),
        ("synaptic operations per image", f"{data['synaptic_operations_per_image']:,.0f}", "spikes times weights"),
    ]
    rows += [
        (f"firing rates of {name}", " ".join(f"{rate:.2f}" for rate in values), "gate 1 first")
        for name, values in data["firing_rate_per_plane"].items()
    ]
    if "rtl" in data:
        rows += rtl_rows(data["rtl"])
    table(f"{data['network']}, {data['images']:,} images, golden model", ["", "value", "of"], rows)
