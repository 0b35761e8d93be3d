"""What several tests of the command line begin with."""

import numpy as np
import pytest


@pytest.fixture
def model():
    """Return a small convolutional network of PyTorch."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)
    ).eval()


@pytest.fixture
def model_folder(model, tmp_path):
    """Return a folder with ``model`` as ``net.pt2``, and images labelled by it, ``data.npz``."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 1, 8, 8))
    with torch.no_grad():
        labels = model(torch.tensor(images / 255, dtype=torch.float32)).argmax(1).numpy()
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    torch.export.save(torch.export.export(model, (torch.zeros(2, 1, 8, 8),)), tmp_path / "net.pt2")
    return tmp_path
