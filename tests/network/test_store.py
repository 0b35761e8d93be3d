import io
import pickle
import zipfile

import numpy as np
import pytest
import yaml
from hypothesis import given, settings

from amos_hdl.errors import StoreError
from amos_hdl.network import archive, store
from tests.conftest import small_network
from tests.network.strategies import networks


@pytest.fixture
def folder(tmp_path, small):
    store.save(small, tmp_path / "small")
    return tmp_path / "small"


def refuse(folder, *words):
    with pytest.raises(StoreError) as caught:
        store.load(folder)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line
    assert caught.value.exit_code == 2


def edit(folder, change):
    path = folder / "network.yaml"
    data = yaml.safe_load(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data))


def arrays_of(folder):
    with np.load(folder / "weights.npz") as archive:
        return dict(archive)


def rewrite(folder, arrays):
    np.savez(folder / "weights.npz", **arrays)
    digest = archive.weights_sha256({name: array.astype(np.int64) for name, array in arrays.items()})
    edit(folder, lambda data: data.update(weights_sha256=digest))


@pytest.mark.parametrize("seed", range(5))
def test_round_trip_is_exact(tmp_path, seed):
    network = small_network(seed)
    store.save(network, tmp_path / "n")
    loaded = store.load(tmp_path / "n")
    assert loaded == network and loaded.digest == network.digest
    assert [type(a) for a in loaded.operations] == [type(a) for a in network.operations]
    assert (loaded["sums"].weights == network["sums"].weights).all()
    assert loaded["hidden"].circuits == network["hidden"].circuits


def test_the_same_network_gives_the_same_bytes(tmp_path, small):
    for name in ("a", "b"):
        store.save(small, tmp_path / name)
    for file in ("network.yaml", "weights.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_other_weights_are_another_network(small):
    assert small != small_network(1)
    assert small.digest != small_network(1).digest


def test_missing_files(folder):
    (folder / "weights.npz").unlink()
    refuse(folder, "weights.npz", "cannot be read")
    (folder / "network.yaml").unlink()
    refuse(folder, "network.yaml", "cannot be read")


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -30])
def test_truncated_weights(folder, keep):
    path = folder / "weights.npz"
    path.write_bytes(path.read_bytes()[:keep])
    refuse(folder, "weights.npz", "truncated or not an npz archive")


def test_a_flipped_bit_never_gives_another_network(folder, small):
    path = folder / "weights.npz"
    good = path.read_bytes()
    refused = 0
    for position in range(0, len(good), 7):
        data = bytearray(good)
        data[position] ^= 1 << position % 8
        path.write_bytes(data)
        try:
            # a few bytes of an archive (dates, attributes) mean nothing
            assert store.load(folder) == small
        except StoreError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > len(good) // 14


def test_a_pickle_is_never_loaded(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    rewritten = io.BytesIO()
    with zipfile.ZipFile(folder / "weights.npz") as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
        new.writestr("evil.npy", b"\x93NUMPY" + header.getvalue()[6:] + pickle.dumps(Bomb()))
    (folder / "weights.npz").write_bytes(rewritten.getvalue())
    refuse(folder, "weights.npz", "never unpickled")
    assert not (tmp_path / "touched").exists()


def test_another_hash(folder):
    arrays = arrays_of(folder)
    arrays["sums.weights"][0, 0] += 1
    np.savez(folder / "weights.npz", **arrays)
    refuse(folder, "weights.npz", "SHA-256 of the weights differs", "expected", "got")


def test_floats_are_refused(folder):
    arrays = arrays_of(folder)
    arrays["sums.weights"] = arrays["sums.weights"].astype(float)
    rewrite(folder, arrays)
    refuse(folder, "sums.weights", "expected integers", "float64")


def test_missing_surplus_and_misshapen_arrays(folder):
    good = arrays_of(folder)
    rewrite(folder, {name: array for name, array in good.items() if name != "sums.bias"})
    refuse(folder, "array missing", "sums.bias")
    rewrite(folder, {**good, "other": np.zeros(3, int)})
    refuse(folder, "array that no operation uses", "other")
    rewrite(folder, {**good, "sums.weights": good["sums.weights"][:, :5]})
    refuse(folder, "sums", "expected 9", "got 5")
    rewrite(folder, {**good, "sums.weights": good["sums.weights"][0]})
    refuse(folder, "shape of weights", "expected (unit, input)")
    rewrite(folder, {**good, "hidden.tables": good["hidden.tables"][:, :3]})
    refuse(folder, "hidden", "shape of tables", "expected circuits x 7")
    rewrite(folder, {**good, "hidden.gains": good["hidden.gains"][:2]})
    refuse(folder, "hidden", "circuits")
    rewrite(folder, {**good, "hidden.assignment": good["hidden.assignment"] + 3})
    refuse(folder, "hidden", "assignment", "circuit numbers 0 to 3")


def test_a_weight_outside_its_width(folder):
    edit(folder, lambda data: data["operations"][2].update(weight_bits=3))
    refuse(folder, "network.yaml", "sums, unit", "input", "expected -4 to 3 (3 bits)")


def test_a_potential_that_could_overflow(folder):
    edit(folder, lambda data: data["operations"][2].update(potential_bits=4))
    refuse(folder, "sums", "a potential could overflow its width", "got potential_bits 4")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(version=1), ["version", "got 1"]),
        (lambda d: d.update(version=3), ["version", "got 3"]),
        (lambda d: d.update(format="other"), ["format"]),
        (lambda d: d.update(colour="red"), ["unknown key", "colour"]),
        (lambda d: d["operations"][0].update(colour="red"), ["unknown key", "operations[0]"]),
        (lambda d: d["operations"][0].update(low="0"), ["operations[0]", "got '0'"]),
        (lambda d: d["operations"][0].update(high=-5), ["pixels", "low <= high"]),
        (lambda d: d["operations"][0].update(shape=[-5]), ["pixels", "shape"]),
        (lambda d: d["operations"][2].update(source="nowhere"), ["source", "'nowhere'"]),
        (lambda d: d["operations"][2].update(kind="conv9d"), ["operations[2]", "conv9d"]),
        (lambda d: d["operations"][3].update(levels=[1, 2]), ["hidden"]),
        (lambda d: d["operations"][3].update(levels=[]), ["hidden", "levels"]),
        (lambda d: d["operations"][3].update(levels=[1] * 300), ["hidden", "levels"]),
        (lambda d: d["operations"][3].update(levels=list(range(1, 60))), ["hidden"]),
        (lambda d: d["operations"][3].update(form="linear"), ["array missing", "hidden."]),
        (lambda d: d.update(outputs=[]), ["outputs", "at least one"]),
        (lambda d: d.update(outputs=["nothing"]), ["'nothing'"]),
        (lambda d: d.update(outputs=["winner", "winner"]), ["outputs"]),
        (lambda d: d.update(outputs=["logits"]), ["result that nothing uses", "winner"]),
        (lambda d: d.update(name="../evil"), ["name of a network", "'../evil'"]),
        (lambda d: d.update(name="module"), ["name of a network", "'module'"]),
        (lambda d: d["operations"][0].update(name="valid"), ["name of an operation", "'valid'"]),
        (lambda d: d["operations"][5].update(name="unit0"), ["name of an operation", "'unit0'"]),
        (lambda d: d["operations"][5].update(name="a_layer"), ["name of an operation", "'a_layer'"]),
        (lambda d: d["operations"].reverse(), ["Input"]),
        (lambda d: d.update(scales={"sums": "one half"}), ["scale"]),
        (lambda d: d.update(scales={"sums": "1/0"}), ["scale"]),
        (lambda d: d.pop("operations"), ["operations", "required"]),
    ],
)
def test_bad_structure(folder, change, words):
    edit(folder, change)
    refuse(folder, "network.yaml" if words[0] != "array missing" else "weights.npz", *words)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: &a [1]\nb: *a\n", "aliases are not allowed"),
        ("a: 1\na: 2\n", "given twice"),
        ('name: "a\\0b"\n', "NUL"),
    ],
)
def test_yaml_that_no_file_needs(folder, text, word):
    (folder / "network.yaml").write_text(text)
    refuse(folder, "network.yaml:", word)


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n- 2\n", "\x00", "!!python/object:os.system {}"])
def test_not_a_structure(folder, text):
    (folder / "network.yaml").write_text(text)
    refuse(folder, "network.yaml")


def test_an_archive_made_to_fill_the_memory(folder, monkeypatch):
    monkeypatch.setattr(archive, "UNPACKED_LIMIT_BYTES", 100)
    refuse(folder, "weights too large", "expected at most 100 bytes")


def test_saving_where_a_file_is(tmp_path, small):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="cannot be written"):
        store.save(small, tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be written"):
        store.save(small, tmp_path / "file" / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


@settings(max_examples=40)
@given(networks())
def test_all_operations_come_back(tmp_path_factory, network):
    folder = tmp_path_factory.mktemp("stored")
    store.save(network, folder / "n")
    loaded = store.load(folder / "n")
    assert loaded.digest == network.digest
    for name, tensor in network.tensors.items():
        other = loaded.tensors[name]
        assert tensor.shape == other.shape
        assert (tensor.low == other.low).all() and (tensor.high == other.high).all()


def test_files_of_somebody_else_stay(tmp_path):
    network = small_network()
    store.save(network, tmp_path, also=lambda folder: (folder / store.ORIGINAL).touch())
    store.save(network, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"notes\.txt: file that was not generated; its folder would be replaced"):
        store.save(network, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
