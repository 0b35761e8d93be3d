"""``amos-hdl convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from amos_hdl.console import Steps, note, table
from amos_hdl.errors import DataError
from amos_hdl.network import store
from amos_hdl.verbs.outcome import Outcome

if TYPE_CHECKING:
    from amos_hdl.frontend.conversion import Conversion


def convert(asked: Conversion, folder: Path, steps: Steps) -> Outcome:
    """Convert a trained model into the stored integer network ``folder``, and say what it kept."""
    from amos_hdl.frontend.convert import compare, load_images_of, needs_calibration, outputs_of
    from amos_hdl.frontend.convert import convert as act
    from amos_hdl.frontend.importers.qonnx import ExactImport
    from amos_hdl.frontend.original import Original

    source, data = asked.source, asked.data or asked.test
    images = None
    if data is not None:
        calibrating = asked.calibration_images if needs_calibration(source) else 0
        if calibrating and asked.data is None:
            hint = "give some with --calibrate; those of --test judge alone"
            raise DataError("no calibration images", where=str(source), hint=hint)
        images = load_images_of(data, calibrating, asked.test_images, asked.test)
    original = None
    with steps.step(f"converting {source.name}", 1) as bar:

        def say(what: str, done: int, total: int) -> None:
            bar.say(f"{what}, {source.name}")
            bar.to(done, total)

        made, graph = act(source, asked.name, images, asked.pixels, asked.options, say)
        outputs = None if graph is None or images is None else outputs_of(graph, asked.pixels, images, say)
        kept = None if images is None else compare(made, outputs, images, say)
        if kept is not None and images is not None:
            original = Original.of(images.test, kept.outputs)
    store.save(made.network, folder, also=None if original is None else original.save)
    exact = isinstance(made, ExactImport)
    found: dict[str, Any] = {
        "source": str(source),
        "network": asked.name,
        "folder": str(folder),
        "sha256": made.network.digest,
        "kind": "QONNX" if exact else "float",
        "operations": len(made.network.operations),
        "gates": sum(made.network.tensors[unit.name].units * unit.gates for unit in made.network.unit_layers),
    }
    if isinstance(made, ExactImport):
        found |= {"bit_exact": made.bit_exact, "uncertain_thresholds": dict(made.uncertain)}
    if kept is not None:
        found |= {
            "calibration_images": 0 if images is None else len(images.calibration),
            "calibrated_on": None if images is None or not len(images.calibration) else images.source,
            "test_images": kept.images,
            "judged_by": None if images is None else images.judge,
            "images_of_both": 0 if images is None else images.shared,
            "model_accuracy": kept.model_accuracy,
            "network_accuracy": kept.network_accuracy,
            "agreement": kept.agreement,
            "relative_logit_error": kept.logit_error,
            "spikes_per_image": kept.spikes_per_image,
            "spikes_per_unit": kept.spikes_per_unit,
        }

    def show() -> None:
        rows: list[tuple[object, ...]] = [
            ("operations", found["operations"], f"of which {len(made.network.unit_layers)} layers of units"),
            ("gates", found["gates"], "each spikes at most once per image"),
        ]
        if isinstance(made, ExactImport):
            said = "bit for bit, for every image" if made.bit_exact else "but for the order of its float sums"
            rows.append(("outputs", "equal", said))
            rows += [
                (f"thresholds of {name}", count, "that order could move") for name, count in made.uncertain.items()
            ]
        if kept is not None:
            if found["calibrated_on"] is not None:
                rows.append(("calibrated on", found["calibration_images"], f"images of {found['calibrated_on']}"))
            both = f"{found['images_of_both']:,}" if found["images_of_both"] else "none"
            rows.append(("judged by", kept.images, f"images of {found['judged_by']}, {both} of which calibrated"))
            if kept.network_accuracy is not None and kept.model_accuracy is not None:
                lost = 100 * (kept.model_accuracy - kept.network_accuracy)
                rows.append(("accuracy of the model", f"{100 * kept.model_accuracy:.2f} %", f"{kept.images:,} images"))
                rows.append(("accuracy kept", f"{100 * kept.network_accuracy:.2f} %", f"{lost:.2f} points less"))
            if not exact:
                rows.append(("same class", f"{100 * kept.agreement:.2f} %", "model and network"))
                rows.append(("error of the logits", f"{100 * kept.logit_error:.2f} %", "of their spread"))
            rows.append(("spikes per image", f"{kept.spikes_per_image:,.1f}", f"{kept.spikes_per_unit:.2f} per unit"))
        table(f"{source.name}, stored in {folder}", ["", "value", ""], rows, right=["value"])
        if kept is not None and kept.model_accuracy is None:
            note("no labels: accuracy is not known")

    return Outcome(found, show)
