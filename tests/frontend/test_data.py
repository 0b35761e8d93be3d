import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amos_hdl.errors import DataError, ToolError
from amos_hdl.frontend.data import load_dataset, load_npz, stratified_split
from amos_hdl.frontend.recipe import Data


def npz(file: str = "own.npz", **more: object) -> Data:
    settings = {"source": "npz", "file": file, "low": 0, "high": 15, "test_images": 4, "split_seed": 1}
    return Data.model_validate(settings | more)


def images(count: int = 20) -> np.ndarray:
    return np.arange(count * 6).reshape(count, 2, 3) % 16


def labels(count: int = 20) -> np.ndarray:
    return np.arange(count) % 2


def test_digits_are_divided_without_overlap_and_the_same_each_time() -> None:
    section = Data(source="digits", test_images=450, validation_images=100, split_seed=2019)
    dataset, again = load_dataset(section), load_dataset(section)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1247, 100, 450)
    together = np.concatenate([dataset.train, dataset.validation, dataset.test])
    assert np.array_equal(np.sort(together), np.arange(1797))
    assert np.array_equal(dataset.test, again.test)
    assert (dataset.low, dataset.high, dataset.classes, dataset.shape) == (0, 16, 10, (8, 8))
    assert (dataset.images.min(), dataset.images.max()) == (0, 16)


def test_the_test_images_do_not_depend_on_the_validation_images() -> None:
    parts = [
        load_dataset(Data(source="digits", test_images=450, validation_images=count, split_seed=7)).test
        for count in (0, 200)
    ]
    assert np.array_equal(*parts)


def test_a_split_keeps_the_proportions_of_classes() -> None:
    kinds = np.repeat([0, 1, 2], [50, 30, 20])
    first, second = stratified_split(kinds, np.arange(100), 10, 0)
    assert np.bincount(kinds[second]).tolist() == [5, 3, 2]
    assert np.bincount(kinds[first]).tolist() == [45, 27, 18]


def test_the_first_test_images_alone() -> None:
    digits = load_dataset(Data(source="digits", test_images=450, validation_images=100, split_seed=2019))
    some, all_of_them = digits.first_tests(20), digits.first_tests(10_000)
    assert list(some.splits) == ["test"] and len(some.images) == 20 and len(all_of_them.images) == len(digits.test)
    for mine, theirs in zip(some.part("test"), digits.part("test"), strict=True):
        assert np.array_equal(mine, theirs[:20])


def test_a_split_must_leave_images() -> None:
    with pytest.raises(DataError, match=r"^images set aside: expected fewer than 20, got 20$"):
        stratified_split(labels(), np.arange(20), 20, 0)


def test_own_images_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=images().astype(np.uint8), labels=labels())
    dataset = load_dataset(npz(), folder=tmp_path)
    assert dataset.images.shape == (20, 6)
    assert (dataset.shape, dataset.low, dataset.high, dataset.classes) == ((2, 3), 0, 15, 2)


def test_images_without_rows_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=images().reshape(20, 6), labels=labels())
    assert load_dataset(npz(), folder=tmp_path).shape is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": images()}, r"own\.npz: no array labels: got \['images'\]"),
        ({"images": images() / 2, "labels": labels()}, r"own\.npz: images: expected integers, got float64"),
        ({"images": images(), "labels": labels(19)}, r"shape of labels: expected \(20,\), got \(19,\)"),
        ({"images": images().ravel(), "labels": labels()}, r"shape of images: expected \(image, pixel\), got \(120,\)"),
        ({"images": images() + 1, "labels": labels()}, r"image 2, pixel 3: value outside .* 0 to 15, got 16"),
        ({"images": images(), "labels": labels() - 1}, r"image 0: label: expected 0 to 4095, got -1"),
        ({"images": images(), "labels": labels() * 0}, r"labels: expected at least two classes"),
        ({"images": np.array([{}] * 20), "labels": labels()}, r"not plain arrays in NPZ: got .*allow_pickle=False"),
    ],
)
def test_wrong_images_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(npz(), folder=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"not an archive"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(DataError, match="not plain arrays in NPZ"):
        load_npz(tmp_path / "own.npz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"own\.npz: cannot be read: No such file"):
        load_dataset(npz(), folder=tmp_path)


def test_without_scikit_learn_the_digits_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> object:
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ToolError, match=r'pip install "amos-hdl\[data\]"'):
        load_dataset(Data(source="digits", test_images=450, split_seed=1))
