"""Float modules with every kind of operation that the importers know."""

import torch
import torch.nn.functional as functional
from torch import nn

#: One module of each elementwise function.
ACTIVATIONS = (
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.ELU(0.8), nn.SELU(), nn.CELU(1.3), nn.GELU(), nn.GELU("tanh"),
    nn.SiLU(), nn.Mish(), nn.Softplus(2.0), nn.Softsign(), nn.Tanh(), nn.Sigmoid(), nn.LogSigmoid(),
    nn.Hardtanh(-0.4, 0.7), nn.Hardsigmoid(), nn.Hardswish(), nn.Threshold(0.1, -0.2), nn.Identity(),
)  # fmt: skip


class Squeeze(nn.Module):
    """Squeeze-and-excitation: a product with a gate for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, 3, 1), nn.Conv2d(3, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = functional.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.expand(functional.silu(self.reduce(gate))))


class Zoo(nn.Module):
    """Convolutions of every form, pools, joins, slices, zeros, and a chain of functions."""

    def __init__(self, activations: tuple[nn.Module, ...] = ()) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.squeeze = Squeeze(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(8, 12, (3, 1), padding=(1, 0), groups=4)
        self.activations = nn.ModuleList(activations)
        self.drop, self.head = nn.Dropout(), nn.Linear(20, 5)
        random = torch.Generator().manual_seed(1)
        for buffer, low, high in ((self.norm.running_mean, -1.0, 1.0), (self.norm.running_var, 0.5, 2.0)):
            assert buffer is not None
            buffer.copy_(low + (high - low) * torch.rand(8, generator=random))
        with torch.no_grad():
            self.norm.weight.copy_(torch.linspace(-1.5, 1.5, 8))  # some channels are turned round

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.norm(self.stem(x)))
        x = self.squeeze(x) + self.depthwise(x)  # a product and a sum
        for activation in self.activations:
            x = activation(x) * 1.5 - 0.1
        x = functional.max_pool2d(functional.relu(x), 3, stride=2, padding=1)
        wide = functional.relu(self.grouped(x))
        short = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))  # ResNet's option A
        x = torch.cat([functional.avg_pool2d(wide, 2)[:, :8], short], dim=1)
        x = self.drop(nn.functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))
        return self.head(x)


def zoo(activations: tuple[nn.Module, ...] = ()) -> Zoo:
    """Return the module with fixed weights, in evaluation mode."""
    torch.manual_seed(0)
    return Zoo(activations).eval()


def images(count: int = 6, seed: int = 3) -> torch.Tensor:
    """Return random images of shape (3, 16, 16)."""
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
