"""The data that lie beside the repository: MNIST, CIFAR-10, trained models; absent in most checkouts."""

from pathlib import Path

import pytest

from tests.conftest import ROOT, SHARED_DATA


def shared(name: str) -> Path:
    """Return ``../shared/data/<name>`` seen from the repository's root; skip the test loudly if it is not there.

    The files are others', and too large for the repository: a checkout alone has everything but them to test.
    """
    path = ROOT / SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{SHARED_DATA}/{name} is absent: nothing that needs it is checked")
    return path
