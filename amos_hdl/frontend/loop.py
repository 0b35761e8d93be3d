"""The training loop: real weights pruned, then rounded little by little, spikes computed as the hardware will."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

from amos_hdl.errors import RecipeError
from amos_hdl.frontend.activation import Noise
from amos_hdl.frontend.data import Dataset
from amos_hdl.frontend.export import to_network
from amos_hdl.frontend.export_layers import layers_to_network
from amos_hdl.frontend.layered import LayeredNetwork
from amos_hdl.frontend.modules import SpikingNetwork
from amos_hdl.frontend.prototype import hidden_prototypes, input_prototype
from amos_hdl.frontend.recipe import Ramp, Recipe, Training
from amos_hdl.frontend.shown import Shown, show
from amos_hdl.frontend.state import State
from amos_hdl.frontend.train import Checkpoint, Progress
from amos_hdl.network import Network

#: Steps between two choices of the weights that are pruned or rounded.
ANNEAL_EVERY_STEPS = 20
#: Steps over which the learning rate rises at the beginning.
WARM_UP_STEPS = 50
#: The learning rate never falls below this.
LEAST_RATE = 1e-4
#: Images from which steps and biases are set at the beginning, and those evaluated at once.
CALIBRATION_IMAGES, EVALUATION_IMAGES = 1000, 500


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: sums are then added in one order, so integers do not depend on the load."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fit(
    recipe: Recipe,
    dataset: Dataset,
    progress: Callable[[Progress], None] | None = None,
    *,
    folder: Path = Path(),
    checkpoint: Checkpoint | None = None,
) -> Network:
    """Train on ``dataset.train`` and return the integer network; circuit files are looked for in ``folder``.

    Raises DataError if the data do not fit, RecipeError if the recipe asks for what the data do not allow, CircuitError
    if a circuit file is missing or no circuit, StoreError if a checkpoint cannot be written or is not of this training.
    """
    module = train_module(recipe, dataset, progress, folder=folder, checkpoint=checkpoint)
    code = {"low": dataset.low, "high": dataset.high, "weight_bits": recipe.quantization.weight_bits}
    if isinstance(module, LayeredNetwork):
        return layers_to_network(module, recipe.name, **code)
    return to_network(module, recipe.name, pixels=dataset.images.shape[1], **code)


@_one_thread()
def train_module(
    recipe: Recipe,
    dataset: Dataset,
    progress: Callable[[Progress], None] | None = None,
    *,
    folder: Path = Path(),
    checkpoint: Checkpoint | None = None,
) -> SpikingNetwork | LayeredNetwork:
    """Return the trained module, in evaluation mode, on the CPU.  Raises as ``fit``."""
    settings = recipe.training
    generator = torch.Generator().manual_seed(settings.seed)
    noise = _noise(settings)
    shown = show(recipe, dataset, generator, pixels=noise is not None)
    module = _module(recipe, dataset, folder, generator, noise)
    module.calibrate(shown.values[0, :CALIBRATION_IMAGES].float())
    device = device_for(module)
    module, shown = module.to(device), shown.to(device)
    # scores are millions: all of a step in one pass over memory
    fused = isinstance(module, LayeredNetwork) and bool(module.lookup_gates)
    optimizer = torch.optim.Adam(module.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99), fused=fused)
    state = State(recipe, dataset, module, optimizer, generator, None if noise is None else noise.generator)
    if checkpoint is not None and checkpoint.resume:
        state.resume(checkpoint.path)
    try:
        while state.epoch < settings.epochs and not state.stopped:
            loss, accuracy = _epoch(recipe, module, shown, optimizer, generator, state.epoch)
            right = _accuracy(module, shown)
            state.advance(right, whole=state.epoch + 1 >= settings.rounding.end * settings.epochs)
            if progress is not None:
                progress(Progress(state.epoch, settings.epochs, loss, accuracy, right))
            if checkpoint is not None:
                state.keep(checkpoint)
    except KeyboardInterrupt:
        # ended by the user or the machine: at most the epoch that was running is lost
        if checkpoint is not None:
            state.write(checkpoint)
        raise
    state.restore_best()
    module.anneal(1.0, 1.0)
    module.finish(shown.values[0])
    return module.cpu().eval()


def device_for(module: SpikingNetwork | LayeredNetwork) -> torch.device:
    """Return where ``module`` is trained: networks of layers, large enough to gain by it, on a GPU where there is one.

    Dense networks stay where their sums have one order.
    """
    return torch.device("cuda" if isinstance(module, LayeredNetwork) and torch.cuda.is_available() else "cpu")


def _module(
    recipe: Recipe, dataset: Dataset, folder: Path, generator: torch.Generator, noise: Noise | None
) -> SpikingNetwork | LayeredNetwork:
    """Return the network with new weights.  Raises RecipeError or CircuitError if it cannot be made."""
    inputs, topology = input_prototype(recipe.units), recipe.topology
    if topology.layers:
        shape = dataset.shape
        if shape is None:
            raise RecipeError("topology.layers", expected="images with rows and columns", got="plain vectors")
        maps = shape if len(shape) == 3 else (1, *shape)
        bits = recipe.quantization.weight_bits
        learns_gates = recipe.training.gate_cost > 0
        return LayeredNetwork(
            inputs, maps, dataset.classes, topology.layers, bits, generator, learns_gates=learns_gates
        )
    module = SpikingNetwork(
        dataset.images.shape[1],
        dataset.classes,
        inputs,
        topology.hidden,
        hidden_prototypes(recipe.units, folder),
        recipe.quantization.magnitudes,
        generator,
        noise,
        topology.nonzero_weights,
    )
    for layer, (linear, keep) in enumerate(zip(module.linears, topology.nonzero_weights, strict=True)):
        size = linear.latent.numel()
        if keep > size:
            where = f"{recipe.name}, topology.nonzero_weights.{layer}"
            raise RecipeError("weights to keep", where=where, expected=f"at most {size}", got=f"{keep}")
    return module


def _epoch(
    recipe: Recipe,
    module: SpikingNetwork | LayeredNetwork,
    shown: Shown,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    epoch: int,
) -> tuple[float, float]:
    """Train on every image once, in some variant; return mean loss and the share of right answers."""
    settings, labels = recipe.training, shown.labels
    batch = min(settings.batch_images, len(labels))
    steps = len(labels) // batch
    total = steps * settings.epochs
    order = torch.randperm(len(labels), generator=generator)
    losses, right = 0.0, 0
    for step in range(steps):
        done = epoch * steps + step
        for group in optimizer.param_groups:
            group["lr"] = _rate(settings.learning_rate, done, total)
        if done % ANNEAL_EVERY_STEPS == 0:
            part = done / total
            module.anneal(_share(settings.pruning, part), _share(settings.rounding, part))
        chosen = order[step * batch : (step + 1) * batch]
        variant = torch.randint(len(shown.values), (batch,), generator=generator)
        if isinstance(module, SpikingNetwork) and module.noise is not None and shown.pixels is not None:
            logits = module(shown.pixels[variant, chosen])
        else:
            logits = module.logits(shown.values[variant, chosen].float())
        loss = _loss(recipe, logits * module.log_scale.exp(), labels[chosen], shown.answers, variant, chosen)
        if isinstance(module, LayeredNetwork):
            loss = _with_costs(loss, module, settings)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        module.confine()
        losses += loss.item()
        right += int((logits.argmax(1) == labels[chosen]).sum())
    return losses / steps, right / (steps * batch)


@torch.no_grad()
def _accuracy(module: SpikingNetwork | LayeredNetwork, shown: Shown) -> float | None:
    """Return the share of validation images answered rightly by the integers so far, or None without images."""
    if not len(shown.validation):
        return None
    module.eval()
    right = 0
    for start in range(0, len(shown.validation), EVALUATION_IMAGES):
        part = slice(start, start + EVALUATION_IMAGES)
        answers = module.logits(shown.validation[part].float()).argmax(1)
        right += int((answers == shown.validation_labels[part]).sum())
    module.train()
    return right / len(shown.validation)


def _noise(settings: Training) -> Noise | None:
    """Return how gates err in training, drawn from a stream of its own, or None if the recipe does not say."""
    levels = settings.noise.disturbance
    return Noise(levels, torch.Generator().manual_seed(settings.seed + (1 << 32))) if levels else None


def _rate(greatest: float, done: int, total: int) -> float:
    """Learning rate of step ``done``: a short rise, then a falling half cosine."""
    return greatest * min(1.0, done / WARM_UP_STEPS) * (1 + math.cos(math.pi * done / total)) / 2 + LEAST_RATE


def _share(ramp: Ramp, part: float) -> float:
    return min(1.0, max(0.0, (part - ramp.start) / (ramp.end - ramp.start)))


def _with_costs(loss: Tensor, module: LayeredNetwork, settings: Training) -> Tensor:
    """Return the loss of a batch and what the network costs as hardware."""
    for cost, amount in (
        (settings.digit_cost, module.digits),
        (settings.gate_cost, module.gates),
        (settings.fan_in_cost, module.fan_in),
    ):
        if cost:
            loss = loss + cost * amount()
    return loss


def _loss(
    recipe: Recipe, logits: Tensor, labels: Tensor, answers: Tensor | None, variant: Tensor, chosen: Tensor
) -> Tensor:
    """Return the mean loss of a batch of logits ``(batch, class)``."""
    loss = functional.cross_entropy(logits, labels, label_smoothing=recipe.training.label_smoothing)
    options = recipe.training.distillation
    if options is None or answers is None:
        return loss
    guess = functional.log_softmax(logits / options.temperature, dim=1)
    distance = functional.kl_div(guess, answers[variant, chosen], reduction="batchmean")
    return (1 - options.weight) * loss + options.weight * options.temperature**2 * distance
