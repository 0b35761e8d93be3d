"""What a report says, gathered: every figure comes from the network, its schedule, the golden model, or a result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from amos_hdl.circuit.fitting import FittedUnit
from amos_hdl.errors import DataError, SynthesisError
from amos_hdl.frontend.data import Dataset
from amos_hdl.network import Network, golden
from amos_hdl.report.activity import Activity, planes
from amos_hdl.schedule import Schedule
from amos_hdl.synthesize.result import RESULT, SynthesisResult, load_result

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Members
    -------
    name : str
    outcome : {"passed", "failed", "skipped", "not run"}
    counts : mapping of str to int
        What was compared, by name: images, spikes, ...
    message : str
        Why it did not pass.
    """

    name: str
    outcome: Literal["passed", "failed", "skipped", "not run"]
    counts: Mapping[str, int]
    message: str = ""


@dataclass(frozen=True, eq=False)
class Facts:
    """All of a report.

    Parameters
    ----------
    schedule : Schedule
        With the options of the Verilog that was checked.
    images, labels : int64 arrays, shapes (image, *shape of the input) and (image,)
        The test images.
    shape : (channels, rows, columns)
        Of an image as a picture.
    trace : golden.Trace
        Of these images.
    reference : int64 array (image,), optional
        The class that the original network gives each image.
    checks : sequence of Check
    activity : Activity, optional
        None if nothing was simulated.
    synthesis : sequence of SynthesisResult
        For each target for which there is one.
    remarks : sequence of str
        Why something is not there.
    commands : sequence of str
        To make all of it again.
    fitted : mapping of unit layer to FittedUnit
        What the units of a layer are copies of, where that is known.
    """

    schedule: Schedule
    images: Integers
    labels: Integers
    shape: tuple[int, int, int]
    trace: golden.Trace
    reference: Integers | None
    checks: Sequence[Check]
    activity: Activity | None
    synthesis: Sequence[SynthesisResult]
    remarks: Sequence[str]
    commands: Sequence[str]
    fitted: Mapping[str, FittedUnit] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        """The network."""
        return self.schedule.network

    @cached_property
    def answers(self) -> Integers | None:
        """The network's class for each image, of equal scores the lowest; None if it gives none."""
        scores = self.network.scores
        return None if scores is None else self.trace.values[scores].argmax(axis=1)

    @property
    def accuracy(self) -> float | None:
        """Fraction of right answers."""
        return None if self.answers is None else float((self.answers == self.labels).mean())

    @property
    def ann_accuracy(self) -> float | None:
        """Fraction of right answers of the original network."""
        return None if self.reference is None else float((self.reference == self.labels).mean())

    @property
    def agreement(self) -> float | None:
        """Fraction of images to which both give the same answer."""
        if self.reference is None or self.answers is None:
            return None
        return float((self.reference == self.answers).mean())

    @cached_property
    def confusion(self) -> Integers | None:
        """Images ``(true class, answer)``."""
        if self.answers is None:
            return None
        classes = int(max(self.labels.max(), self.answers.max())) + 1
        flat = np.bincount(self.labels * classes + self.answers, minlength=classes * classes)
        return flat.reshape(classes, classes).astype(np.int64)

    @cached_property
    def planes(self) -> Mapping[str, npt.NDArray[np.bool_]]:
        """Spikes of each layer ``(image, unit, gate)``."""
        return planes(self.trace)

    @property
    def gates(self) -> int:
        """Gates of the network."""
        return sum(spikes.shape[1] * spikes.shape[2] for spikes in self.planes.values())

    @property
    def spikes_per_image(self) -> float:
        """By the golden model, over the test images."""
        return self.trace.spike_count / self.trace.images

    @property
    def passed(self) -> bool:
        """No check failed."""
        return all(check.outcome != "failed" for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain data, without images and spikes."""
        activity: dict[str, Any] | None = None
        if self.activity is not None:
            activity = {
                **asdict(self.activity),
                "spikes_per_image": self.activity.spikes,
                "toggles_per_image": self.activity.toggles,
                "synaptic_operations_per_image": self.activity.synaptic_operations,
            }
            if self.activity.energy is not None:
                activity["energy"] |= {"is": "estimate", "ratio": self.activity.energy.ratio}
        return {
            "network": self.network.name,
            "sha256": self.network.digest,
            "options": self.schedule.options.as_dict(),
            "test_images": len(self.images),
            "accuracy": self.accuracy,
            "ann_accuracy": self.ann_accuracy,
            "agreement": self.agreement,
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "gates": self.gates,
            "spikes_per_image": self.spikes_per_image,
            "firing_rate_per_plane": {name: spikes.mean(axis=(0, 1)).tolist() for name, spikes in self.planes.items()},
            "latency_cycles": self.schedule.latency_cycles,
            "interval_cycles": self.schedule.interval_cycles,
            "activity": activity,
            "checks": [{**asdict(check), "counts": dict(check.counts)} for check in self.checks],
            "synthesis": [asdict(result) for result in self.synthesis],
            "remarks": list(self.remarks),
            "commands": list(self.commands),
        }


def chosen_images(dataset: Dataset | None, where: str) -> tuple[Dataset, Integers]:
    """Return the data set and the numbers of its test images; of all images if none were set aside.

    Raises DataError if there are none.
    """
    if dataset is None or not len(dataset.images):
        raise DataError("no images", where=where, hint="give some with --images")
    return dataset, dataset.test if len(dataset.test) else np.arange(len(dataset.images))


def stored_results(folder: Path, verilog: Sequence[Path], harness: Path) -> tuple[list[SynthesisResult], list[str]]:
    """Return the results in ``folder``/TARGET/ that were made of ``verilog``, by target, and remarks on the others.

    ``harness`` stands around the network in those that were placed and routed.
    """
    found, remarks = [], []
    for path in sorted(folder.glob(f"*/{RESULT}")):
        try:
            result = load_result(path)
        except SynthesisError as error:
            remarks.append(str(error))
            continue
        sources = [*verilog, harness / f"{result.top}.v"] if result.network_top is not None else list(verilog)
        if result.sources_sha256 == _digest(sources):
            found.append(result)
        else:
            remarks.append(f"{path}: made of other Verilog, left out; run amos-hdl synth again")
    return found, remarks


def _digest(sources: Sequence[Path]) -> str | None:
    """Return the digest of Verilog files as a synthesis result names it; None if one is missing."""
    digest = hashlib.sha256()
    for source in sources:
        if not source.is_file():
            return None
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()
