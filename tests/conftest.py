"""What many tests need: small networks, and a folder of Verilog of one of them."""

import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from amos_hdl.circuit import quantizer, relu
from amos_hdl.emit.generate import generate
from amos_hdl.network import (
    Add,
    Argmax,
    Conv2d,
    Dense,
    Flatten,
    Input,
    MaxPool,
    Multiply,
    Network,
    SumPool,
    Unit,
    store,
)
from amos_hdl.schedule import HardwareOptions, Schedule

# no deadline: how long an example takes says more about the machine than about the code; and continuous integration
# tries the same examples each time, so that a failure there is one of the change at hand
settings.register_profile("amos", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("amos")

ROOT = Path(__file__).resolve().parent.parent
#: Where data lie beside the repository, as messages say it.
SHARED_DATA = "../shared/data"


def small_network(seed: int = 0, outputs: tuple[str, ...] = ("logits", "winner")) -> Network:
    """Return a network of 9 pixels with two kinds of units, biases, empty rows, negative weights, and two outputs."""
    random = np.random.default_rng(seed)
    first = random.integers(-7, 8, (6, 9))
    first[2] = 0  # a sum of nothing
    first[3] = -np.abs(first[3]) - (first[3] == 0)  # a sum without a positive term
    second = random.integers(-3, 4, (5, 6))
    units = tuple(quantizer(np.sort(random.integers(-20, 20, 7)).tolist()) for _ in range(4))
    return Network(
        "sample",
        (
            Input("pixels", 9, 0, 16),
            Unit("encoder", "pixels", (relu(2, step=4), relu(2, step=5, bias=2)), np.arange(9) % 2),
            Dense("sums", "encoder", first, 4),
            Unit("hidden", "sums", units, np.array([0, 1, 2, 3, 1, 0])),
            Dense("logits", "hidden", second, 4, random.integers(-9, 9, 5)),
            Argmax("winner", "logits"),
        ),
        outputs,
    )


def gate_network(seed: int = 3) -> Network:
    """Return a network whose gates are all tables of 6 bits or fewer: signed inputs, long chains, sums of nothing."""
    random = np.random.default_rng(seed)

    def sparse(rows: int, columns: int, words: int) -> np.ndarray:
        weights = np.zeros((rows, columns), int)
        for row in weights:
            row[random.choice(columns, words, replace=False)] = random.choice([-3, -2, -1, 1, 2, 3], words)
        return weights

    first, second = sparse(6, 8, 3), sparse(5, 6, 2)
    first[2] = 0
    hidden = tuple(quantizer(np.sort(random.integers(-9, 12, 7)).tolist()) for _ in range(3))
    return Network(
        "gates",
        (
            Input("pixels", 8, -3, 3),
            Unit("encoder", "pixels", (relu(2, bias=1), relu(2)), np.arange(8) % 2),
            Dense("first", "encoder", first, 3, random.integers(-2, 3, 6)),
            Unit("hidden", "first", hidden, np.arange(6) % 3),
            Dense("second", "hidden", second, 3),
            Unit("last", "second", (relu(2, bias=3),), np.zeros(5, int)),
            Dense("votes", "last", random.integers(-1, 2, (3, 5)), 2),
        ),
        ("votes",),
    )


def map_network(seed: int = 247) -> Network:
    """Return a network of maps: padding, a pool, a skip that waits, a gate per channel, flatten, two outputs.

    With this seed the values of every channel differ from image to image.
    """
    random = np.random.default_rng(seed)

    def units(name: str, source: str, channels: int, low: int = -20, high: int = 20) -> Unit:
        circuits = tuple(quantizer(np.sort(random.integers(low, high, 3)).tolist()) for _ in range(channels))
        return Unit(name, source, circuits, np.arange(channels))

    return Network(
        "maps",
        (
            Input("pixels", (2, 6, 5), 0, 7),
            Conv2d("conv", "pixels", random.integers(-3, 4, (3, 2, 3, 3)), 3, padding=1),
            units("hidden", "conv", 3),
            Conv2d("deep", "hidden", random.integers(-3, 4, (3, 1, 3, 3)), 3, padding=1, groups=3),
            Add("skip", ("hidden", "deep"), np.array([5, 1])),
            units("joined", "skip", 3),
            SumPool("squeezed", "joined"),
            Conv2d("excite", "squeezed", random.integers(-2, 3, (3, 3, 1, 1)), 3),
            units("gate", "excite", 3, -60, 60),
            Multiply("gated", ("joined", "gate")),
            MaxPool("pooled", "gated", 2),
            Flatten("flat", "pooled"),
            Dense("logits", "flat", random.integers(-3, 4, (4, 18)), 3),
            Argmax("winner", "logits"),
        ),
        ("logits", "winner"),
    )


@pytest.fixture(scope="session")
def small() -> Network:
    return small_network()


@pytest.fixture(scope="session")
def small_folder(small: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``models/small`` and ``rtl_out/small``."""
    folder = tmp_path_factory.mktemp("small")
    store.save(small, folder / "models" / "small")
    generate(Schedule(small, HardwareOptions()), folder / "rtl_out" / "small")
    return folder


@pytest.fixture(scope="session")
def map_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``models/maps`` and ``rtl_out/maps``."""
    folder, network = tmp_path_factory.mktemp("maps"), map_network()
    store.save(network, folder / "models" / "maps")
    generate(Schedule(network, HardwareOptions()), folder / "rtl_out" / "maps")
    return folder


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start: what a shell runs behind ``&`` inherits that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was skipped."""
    skipped = len(terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.write_line(f"{skipped} tests were skipped: what they check is not checked", red=True)


def unexcused(reasons: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Return the reasons for which tests were skipped that make a run fail: where nobody looks, they are no pass.

    In continuous integration (``CI``) all; where all tools are said to be there (``AMOS_HDL_NEEDS_TOOLS``, as in
    ``.ci/run``) all but data that lie beside the repository.
    """
    if environment.get("CI"):
        return list(reasons)
    if environment.get("AMOS_HDL_NEEDS_TOOLS"):
        return [reason for reason in reasons if SHARED_DATA not in reason]
    return []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail for skipped tests without an excuse."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus or reporter is None:
        return
    # of a skipped test the file, the line and the reason
    found = unexcused([report.longrepr[2] for report in reporter.stats.get("skipped", [])], os.environ)
    if found:
        reporter.write_line(f"\nskipped where nothing may be: {'; '.join(sorted(set(found)))}", red=True)
        session.exitstatus = 1
