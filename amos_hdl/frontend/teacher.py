"""A float ensemble whose soft answers the spiking network learns as well."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from amos_hdl.frontend.recipe import Distillation


def soft_answers(
    images: Tensor,
    labels: Tensor,
    options: Distillation,
    batch: int,
    generator: torch.Generator,
    *,
    middle: float = 0.0,
    half: float = 1.0,
) -> Tensor:
    """Train ``options.networks`` networks with one hidden ReLU layer together and return their mean answer.

    Parameters
    ----------
    images : Tensor, shape (variant, image, pixel)
        In each step every image of the batch is shown in one of its variants.
    labels : Tensor of int64, shape (image,)
    options : Distillation
    batch : int
        Images of one step.
    generator : torch.Generator
    middle, half : float
        The networks see ``(pixel - middle) / half``, from about -1 to 1.

    Returns probabilities ``(variant, image, class)``: softmax(mean logits / temperature).

    Source: G. Hinton et al., "Distilling the knowledge in a neural network", arXiv:1503.02531, section 2.
    """
    count, pixels, classes = labels.shape[0], images.shape[2], int(labels.max()) + 1
    networks, hidden = options.networks, options.hidden
    parameters = [
        torch.randn(networks, pixels, hidden, generator=generator) * math.sqrt(2 / pixels),
        torch.zeros(networks, 1, hidden),
        torch.randn(networks, hidden, classes, generator=generator) * math.sqrt(1 / hidden),
        torch.zeros(networks, 1, classes),
    ]
    for parameter in parameters:
        parameter.requires_grad_()

    def logits(pixels: Tensor) -> Tensor:  # (network, image, pixel) -> (network, image, class)
        first, first_bias, second, second_bias = parameters
        return ((pixels - middle) / half @ first + first_bias).relu() @ second + second_bias

    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=1e-3)
    batch = min(batch, count)
    steps = count // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * steps)
    for _ in range(options.epochs):
        # each network has its own order of images
        order = torch.stack([torch.randperm(count, generator=generator) for _ in range(networks)])
        for step in range(steps):
            chosen = order[:, step * batch : (step + 1) * batch]
            variant = torch.randint(len(images), chosen.shape, generator=generator)
            answer = logits(images[variant, chosen]).flatten(0, 1)
            # the networks share no parameter: the sum of their losses trains each alone
            loss = functional.cross_entropy(answer, labels[chosen].flatten(), reduction="sum") / batch
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return torch.stack([(logits(part[None]).mean(0) / options.temperature).softmax(-1) for part in images])
