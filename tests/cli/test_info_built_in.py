"""``amos-hdl info ARCHITECTURE``: sizes of published networks, without weights."""

from __future__ import annotations

import json

from amos_hdl.cli import _main
from tests.cli.test_cli import refused


def called(capsys, *arguments):
    code = _main(["info", *arguments])
    return code, *capsys.readouterr()


def test_b7_as_in_the_paper(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = called(capsys, "efficientnet-b7", "--size", "600", "--gates", "12", "--json")
    assert code == 0, err
    data = json.loads(out)
    assert data["functions"]["swish"] == {"units": 259_366_992, "gates": 3_112_403_904}
    assert data["functions"]["sigmoid"]["gates"] == 8 * data["functions"]["sigmoid"]["units"]
    assert data["gates"] == sum(size["gates"] for size in data["functions"].values())
    assert data["operations"][0]["shape"] == [3, 600, 600]
    code, out, _ = called(capsys, "efficientnet-b7", "--gates", "12")
    assert code == 0 and "259,366,992" in out and "3,112,403,904" in out and "600 x 600" in out


def test_sizes_of_others(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = called(capsys, "resnet50", "--gates", "10", "--weights", "6", "--json")
    data = json.loads(out)
    assert code == 0 and data["functions"] == {"relu": {"units": 9_608_704, "gates": 96_087_040}}
    assert data["weights"] == 25_502_912
    widths = {entry["weight_bits"] for entry in data["operations"]} - {None}
    assert widths == {6}
    code, out, _ = called(capsys, "efficientnet-b0", "--size", "32", "--products", "units")
    assert code == 0 and "squares, two for each product" in out


def test_options_of_architectures_are_refused_elsewhere(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(called(capsys, "digits", "--size", "32"), "--size", "for built-in architectures only", "'digits'")
    for option in (("--interval", "10"), ("--luts", "5"), ("--fold", "a=1x1")):
        refused(
            called(capsys, "resnet50", *option), f"{option[0]}: for stored networks only; of 'resnet50' --device alone"
        )
    refused(called(capsys, "efficientnet-b8"), "no such network", "'efficientnet-b8'")
    refused(called(capsys, "resnet50", "--gates", "40"), "gates: expected 1 to 16, got 40")
    refused(called(capsys, "resnet50", "--size", "5000"), "size: expected 1 to 4096, got 5000")


def test_a_stored_network_goes_before_an_architecture(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "resnet50").mkdir(parents=True)
    (tmp_path / "models" / "resnet50" / "network.yaml").write_text("nothing: true\n")
    refused(called(capsys, "resnet50"), "network.yaml", "unknown key")
