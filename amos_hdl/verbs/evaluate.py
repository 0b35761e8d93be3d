"""``amos-hdl evaluate``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amos_hdl.console import Steps, note, table
from amos_hdl.errors import DataError
from amos_hdl.frontend.arrays import Library, kernels_for
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.original import load_original
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
    library: Library = "auto",
    most: int | None = None,
) -> Outcome:
    """Count right answers, spikes and synaptic operations over all images, by the golden model.

    ``reference``: a file with the answers of the original network, to compare with; without one those that are kept
    beside the network (``frontend.original``), for the images that are known.  ``library``: of the large sums.
    ``on_rtl``: every image through the Verilog as well.  ``most``: only so many test images.
    """
    network, dataset = project.network, project.dataset(images)
    if dataset is None:
        raise DataError("no images", where=project.name, hint="give some with --images")
    if most is not None:
        dataset = dataset.first_tests(most)
        if not len(dataset.images):
            raise DataError("no test images", where=project.name, hint="leave --test-images out, for all images")
    found = _original(project, dataset, reference)
    with steps.step(f"evaluating {len(dataset.images):,} images", len(dataset.images)) as bar:
        started = time.perf_counter()
        counted = statistics.measure(network, dataset.images, kernels=kernels_for(network, library), progress=bar.to)
        seconds = time.perf_counter() - started
    data: dict[str, Any] = {
        "network": project.name,
        "images": counted.images,
        **_answers(dataset, counted.ranking, network),
        "test_images": len(dataset.test),
        **_spikes(network, counted),
        "images_per_second": counted.images / seconds,
    }
    if found is not None:
        data["reference"] = _comparison(dataset, counted.ranking, *found)
    if on_rtl:
        data["rtl"] = check_rtl(project, golden.check_images(network, dataset.images), rtl, steps)
    unseen = found is None and load_original(project.folder) is not None

    def show() -> None:
        _show(data, dataset)
        if unseen:
            note("the original's answers are not known for any of these images; give them with --reference")

    return Outcome(data, show)


def _original(
    project: Project, dataset: Dataset, reference: Path | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]] | None:
    """Return of which images the original's answers are known, and its ranking of those; None if of none."""
    if reference is not None:
        return np.ones(len(dataset.images), bool), load_reference(reference, len(dataset.images)).ranking
    original = load_original(project.folder)
    if original is None:
        return None
    known, ranking = original.find(dataset.images)
    return (known, ranking) if known.any() else None


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
    dataset: Dataset,
    ranking: npt.NDArray[np.int64],
    known: npt.NDArray[np.bool_],
    original: npt.NDArray[np.int64],
) -> dict[str, dict[str, Any]]:
    """Return what both networks say of the images of which the original's answers are ``known``."""
    if not ranking.shape[1]:
        raise DataError("answers to compare", expected="a network with an argmax or one output of scores")
    theirs = np.full((len(known), original.shape[1]), -1)
    theirs[known] = original
    parts = {name: part[known[part]] for name, part in dataset.splits.items() if known[part].any()}

    def share(answers: npt.NDArray[np.int64], ranks: int) -> dict[str, float]:
        if answers.shape[1] < ranks:
            return {}
        hits = (answers[:, :ranks] == dataset.labels[:, None]).any(axis=1)
        return {name: float(hits[part].mean()) for name, part in parts.items()}

    same = ranking[:, 0] == theirs[:, 0]
    return {
        "images": {name: len(part) for name, part in parts.items()},
        "accuracy": share(theirs, 1),
        "top5_accuracy": share(theirs, 5),
        "network_accuracy": share(ranking, 1),
        "network_top5_accuracy": share(ranking, 5),
        "agreement": {name: float(same[part].mean()) for name, part in parts.items()},
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
    reference = data.get("reference")
    rows = [*_accuracy_rows(data, dataset, reference)]
    rows += [
        ("spikes per image", f"{data['spikes_per_image']:,.1f}", f"of {data['gates']:,} gates"),
        ("spikes per unit", f"{data['spikes_per_unit']:.3f}", f"{data['units']:,} units"),
        ("spikes per gate", f"{data['spikes_per_gate']:.3f}", "a gate spikes at most once per image"),
        ("synaptic operations per image", f"{data['synaptic_operations_per_image']:,.0f}", "spikes times weights"),
    ]
    rows += [
        (f"firing rates of {name}", " ".join(f"{rate:.2f}" for rate in values), "gate 1 first")
        for name, values in data["firing_rate_per_plane"].items()
    ]
    if "rtl" in data:
        rows += rtl_rows(data["rtl"])
    columns = ["", "value", "of"]
    if reference:
        # the original has no spikes: its column is for answers alone
        rows = [row if len(row) == 4 else (row[0], row[1], "", row[2]) for row in rows]
        columns = ["", "AMOS network", "original", "of"]
    table(f"{data['network']}, {data['images']:,} images, golden model", columns, rows)


def _accuracy_rows(
    data: Mapping[str, Any], dataset: Dataset, reference: Mapping[str, Any] | None
) -> Iterator[Sequence[object]]:
    """Yield rows of accuracy; of four cells where the original's stands beside it."""
    for name, part in dataset.splits.items():
        known = reference["images"].get(name, 0) if reference else 0
        for key, what in (("accuracy", "accuracy"), ("top5_accuracy", "top-5 accuracy")):
            if name not in data[key]:
                continue
            mine, images = f"{100 * data[key][name]:.2f} %", f"{len(part):,} images"
            if not reference or known < len(part):
                yield f"{what}, {name}", mine, images
            if reference and name in reference[key]:
                both = [f"{100 * reference[k][name]:.2f} %" for k in (f"network_{key}", key) if name in reference[k]]
                some = f"{known:,} images" if known == len(part) else f"{known:,} images it saw"
                yield f"{what}, {name}", *both, some
        if reference and known:
            share = f"{100 * reference['agreement'][name]:.2f} %"
            yield f"agreement, {name}", share, "same best class"
