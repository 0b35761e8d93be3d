import gzip
from pathlib import Path

import numpy as np
import pytest

from amos_hdl.errors import DataError, RecipeError
from amos_hdl.frontend.data import load_dataset
from amos_hdl.frontend.data_files import read_cifar10, read_folder, read_mnist
from amos_hdl.frontend.recipe import Data, load_recipe
from tests.frontend.recipes import changed, written
from tests.frontend.shared_data import shared


def idx(array: np.ndarray) -> bytes:
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


def mnist(folder: Path, count: int = 6) -> np.ndarray:
    """Write a test set of ``count`` images of 2x3 pixels, unpacked, and return them."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 2, 3))
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(pixels))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 3))
    return pixels


def cifar(folder: Path, name: str, labels: list[int], seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072)).astype(np.uint8)
    data = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1).tobytes()
    (folder / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return pixels


def test_idx_files_are_read_plain_and_packed(tmp_path: Path) -> None:
    pixels = mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels[:4]), mtime=0))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([0, 1, 2, 1])), mtime=0))
    files = read_mnist(tmp_path)
    assert np.array_equal(files.test.pixels, pixels) and files.test.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert files.train is not None and files.train.labels.tolist() == [0, 1, 2, 1]
    section = Data(source="mnist", folder=".", validation_images=2, split_seed=0)
    dataset = load_dataset(section, folder=tmp_path)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (2, 2, 6)
    assert np.array_equal(dataset.part("test")[0], pixels.reshape(6, 6)) and dataset.shape == (2, 3)
    assert (dataset.low, dataset.high) == (0, 255)


def test_cifar_files_are_read_in_order_of_name(tmp_path: Path) -> None:
    test = cifar(tmp_path, "test_batch.bin.gz", [9, 0])
    second, first = cifar(tmp_path, "data_batch_2.bin", [5], 2), cifar(tmp_path, "data_batch_1.bin", [3, 4], 1)
    files = read_cifar10(tmp_path)
    assert np.array_equal(files.test.pixels, test.reshape(2, 3, 32, 32)) and files.test.labels.tolist() == [9, 0]
    assert files.train is not None and files.train.labels.tolist() == [3, 4, 5]
    assert np.array_equal(files.train.pixels.reshape(3, -1), np.concatenate([first, second]))
    assert read_folder(tmp_path).test.labels.tolist() == [9, 0]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("t10k-images-idx3-ubyte", b"", "not an idx file: expected 00 00 08 03 first, got nothing"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((2, 2))), r"not an idx file: .* got 00 00 08 02"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((6, 2, 3)))[:-1], "expected 6 x 2 x 3 bytes after the header, got 35"),
        ("t10k-images-idx3-ubyte", gzip.compress(idx(np.zeros((6, 2, 3))), mtime=0)[:-9], "truncated or not gzip"),
        ("t10k-labels-idx1-ubyte", idx(np.zeros(5)), "labels: expected 6, one per image, got 5"),
    ],
    ids=["empty", "another rank", "one byte short", "gzip cut", "one label short"],
)
def test_damaged_idx_files_are_named(tmp_path: Path, file: str, content: bytes, message: str) -> None:
    mnist(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_mnist(tmp_path)
    assert file in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_cifar_files_are_named(tmp_path: Path) -> None:
    cifar(tmp_path, "test.bin", [1, 12])
    with pytest.raises(DataError, match=r"test\.bin, image 1: label: expected 0 to 9, got 12"):
        read_cifar10(tmp_path)
    (tmp_path / "test.bin").write_bytes(b"\0" * 3074)
    with pytest.raises(DataError, match=r"test\.bin: length of a CIFAR-10 file: .* 3073 bytes, got 3074 bytes"):
        read_cifar10(tmp_path)


def test_a_folder_without_data_is_named(tmp_path: Path) -> None:
    for read in (read_mnist, read_cifar10, read_folder):
        with pytest.raises(DataError, match=str(tmp_path)):
            read(tmp_path)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"source": "mnist", "folder": "f", "test_images": 5, "split_seed": 1}, "test_images: .* mnist has its own"),
        ({"source": "mnist", "split_seed": 1}, "data.folder: folder: expected where the files are"),
        ({"source": "digits", "split_seed": 1}, "data.test_images: .* how many images are set aside"),
        ({"source": "digits", "folder": "f", "test_images": 5, "split_seed": 1}, "data.folder: .* none for digits"),
        ({"source": "cifar10", "folder": "f", "low": 0, "split_seed": 1}, "cifar10 source: expected neither"),
    ],
)
def test_recipes_that_contradict_their_source(tmp_path: Path, section: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(written(tmp_path, changed("data", section)))


def test_the_real_files() -> None:
    files = read_folder(shared("mnist"))
    assert files.train is not None and files.train.pixels.shape == (60_000, 28, 28)
    assert np.bincount(files.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    files = read_folder(shared("cifar10"))
    assert files.train is not None and files.train.pixels.shape == (10_000, 3, 32, 32)
    assert files.test.pixels.shape == (500, 3, 32, 32)
