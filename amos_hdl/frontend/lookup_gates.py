"""Gates that learn which few spikes they see, and any function of those: one look-up table of a device each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from amos_hdl.frontend.layers import GatesLayer

#: Standard deviation of new scores: few steps of the learning rate, so that connections are tried soon and often.
SPREAD = 0.1
#: Added under the root of what an input changes, so that the root has a slope where an input changes nothing.
LEAST_CHANGE = 1e-12
#: What PyTorch calls processors on which it multiplies numbers of 16 bits one by one.
WITHOUT_SHORT_PRODUCTS = ("DEFAULT", "AVX2")
#: A source that spikes for a smaller share of the images, or stays silent for a smaller one, is not offered.
LEAST_SHARE = 0.01


class _Lookup(torch.autograd.Function):
    """See ``LookupGates``; y ``(batch, source)``, of 0 and 1, to ``(batch, gate)``."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, scores: Tensor, seen: Tensor, tables: Tensor, influence: Tensor) -> Tensor:
        gates, inputs = seen.shape
        spikes = y.T.to(torch.uint8).contiguous()
        entry = torch.zeros(gates, len(y), dtype=torch.uint8, device=y.device)
        for place in range(inputs):
            entry += spikes[seen[:, place]] << place
        entries = entry.long()
        ctx.save_for_backward(y, seen, tables, influence, entries)
        return (tables.gather(1, entries) >= 0).to(y.dtype).T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, Tensor, None]:
        y, seen, tables, influence, entries = ctx.saved_tensors
        gates, inputs = seen.shape
        gradient = gradients[0].T.contiguous()  # (gate, batch)
        of_tables = torch.zeros_like(tables).scatter_add_(1, entries, gradient)
        if not any(ctx.needs_input_grad[:2]):
            return None, None, None, of_tables, None
        # what an input spiking changes: (gate, input, entry)
        change = (tables @ influence).view(gates, inputs, -1)
        of_inputs = torch.stack([change[:, place].gather(1, entries) for place in range(inputs)], dim=1)
        of_inputs = (of_inputs * gradient[:, None]).flatten(0, 1)  # (gate·input, batch)
        of_scores = of_y = None
        if ctx.needs_input_grad[1]:
            of_scores = _short_product(of_inputs, 2 * y - 1).view(gates, inputs, -1)
        if ctx.needs_input_grad[0]:
            of_y = torch.zeros(y.shape[1], len(y), dtype=y.dtype, device=y.device)
            of_y = of_y.index_add_(0, seen.flatten(), of_inputs).T
        return of_y, of_scores, None, of_tables, None


def _short_product(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left @ right``, numbers of 32 bits, in 16: they do for a direction, in a fraction of the time.

    Right ones are -1 or 1.  A processor without products of 16 bits takes many times as long for them: it multiplies
    the same rounded numbers in 32 bits.
    """
    short = left.to(torch.bfloat16)
    if left.device.type == "cpu" and torch.backends.cpu.get_cpu_capability() in WITHOUT_SHORT_PRODUCTS:
        return (short.to(left.dtype) @ right).to(torch.bfloat16).to(left.dtype)
    return (short @ right.to(torch.bfloat16)).to(left.dtype)


_lookup: Callable[..., Tensor] = _Lookup.apply


class LookupGates(nn.Module):
    """Units of one answer, each a table of a few spikes::

        z_g = 1  if  table[g, x_g] >= 0  else 0        x_g = Σ_j 2**j · y[s_gj],   s_gj = argmax of score[g, j]

    In training a table's entry gets the gradient of the spikes that it decided.  An input's gradient is the extended
    finite difference: what its spike changes in the entries at all distances h from the one looked up, weighed by
    1/(h + 1); and a score's gradient is the one that its source would have were it the input.  Scores, which are the
    work, learn in one of ``layer.scores_every`` steps.

    Parameters
    ----------
    layer : GatesLayer
    sources : int
    generator : torch.Generator
        Draws scores and tables.

    Shapes: y ``(batch, source)``, 0 or 1; result ``(batch, unit)``.

    Source: A. T. L. Bacellar et al., "Differentiable weightless neural networks", arXiv:2410.11112, sections 3.1
    (finite differences) and 3.2 (learnable mapping).
    """

    influence: Tensor
    offered: Tensor
    steps: Tensor

    def __init__(self, layer: GatesLayer, sources: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layer = layer
        entries = 1 << layer.inputs
        self.scores = nn.Parameter(SPREAD * torch.randn(layer.units, layer.inputs, sources, generator=generator))
        self.tables = nn.Parameter(2 * torch.rand(layer.units, entries, generator=generator) - 1)
        self.register_buffer("influence", influence_of(layer.inputs))
        self.register_buffer("offered", torch.arange(sources))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self._seen: tuple[tuple[int, int, int], Tensor] | None = None

    @torch.no_grad()
    def leave_out(self, y: Tensor) -> None:
        """Offer no sources any more that tell next to nothing of images with spikes y ``(batch, source)``."""
        share = y.mean(0)
        told = torch.where(torch.minimum(share, 1 - share) >= LEAST_SHARE)[0]
        self.offered = told if len(told) else self.offered
        self.scores = nn.Parameter(self.scores[:, :, self.offered])

    def forward(self, y: Tensor) -> Tensor:
        """Return the spikes for those of the source, of any shape."""
        learns = self.training and int(self.steps) % self.layer.scores_every == 0
        scores = self.scores if learns else self.scores.detach()
        offered = y.flatten(1)[:, self.offered]
        return _lookup(offered, scores, self.seen(), self.tables, self.influence)

    def fan_in(self) -> Tensor:
        """Return the mean number of inputs of a gate, real, so that it has a slope::

            Σ_j sqrt(mean over entries a of ((table[a with j] - table[a without j]) / 2)**2)

        An input that changes nothing counts 0, and one that alone decides, by entries of -1 and 1, counts 1.  The root
        makes all that an input changes vanish together: an input is then left out of the table.

        Source: M. Yuan, Y. Lin, "Model selection and estimation in regression with grouped variables", Journal of the
        Royal Statistical Society B 68, 2006, section 2 (the group lasso).
        """
        total = torch.zeros((), device=self.tables.device)
        for place in range(self.layer.inputs):
            pairs = self.tables.view(self.layer.units, -1, 2, 1 << place)
            change = (pairs[:, :, 1] - pairs[:, :, 0]) / 2  # (unit, entry's higher digits, entry's lower digits)
            total = total + (change.square().mean((1, 2)) + LEAST_CHANGE).sqrt().mean()
        return total

    @torch.no_grad()
    def seen(self) -> Tensor:
        """Return which of the offered sources each input sees, ``(unit, input)``."""
        # found again when scores have changed: by learning, which a fused optimizer does unseen, or otherwise
        learnt = -(-int(self.steps) // self.layer.scores_every)
        state = (learnt, self.scores.data_ptr(), self.scores._version)
        if self._seen is None or self._seen[0] != state:
            self._seen = (state, self.scores.argmax(2))
        return self._seen[1]

    @torch.no_grad()
    def confine(self) -> None:
        """Count a step of learning, and keep entries of tables where the next steps can still change their sign."""
        self.steps += 1
        self.tables.clamp_(-1, 1)

    @torch.no_grad()
    def functions(self) -> tuple[Tensor, Tensor]:
        """Return sources ``(unit, input)`` and answers, 0 or 1, ``(unit, entry)``."""
        return self.offered[self.seen()].cpu(), (self.tables >= 0).long().cpu()


def influence_of(inputs: int) -> Tensor:
    """Return what each entry k adds to the difference that input j makes at entry a, ``(k, input·a)``::

    ±1 / (h + 1)      + if k has digit j;  h: in how many of the other digits k and a differ
    """
    digits = torch.arange(1 << inputs)[:, None] >> torch.arange(inputs) & 1  # (entry, input)
    differ = (digits[:, None] != digits[None]).float()  # (k, a, input)
    distance = differ.sum(2, keepdim=True) - differ
    signs = (2 * digits - 1).float()[:, None]
    return (signs / (distance + 1)).transpose(1, 2).flatten(1)
