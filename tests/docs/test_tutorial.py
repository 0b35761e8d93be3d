"""The tutorial's commands are run, in an empty folder, as they stand there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tutorial(tmp_path):
    blocks = BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))
    (tmp_path / "train_model.py").write_text("".join(text for kind, text in blocks if kind == "python"))
    lines = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    said = {}
    for line in lines:
        command, *arguments = shlex.split(line)
        program = {
            "python": [sys.executable],
            "amos-hdl": [sys.executable, "-c", "from amos_hdl.cli import main; main()"],
        }
        done = subprocess.run(
            [*program[command], *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said[arguments[0]] = done.stdout
    assert list(said) == ["train_model.py", "convert", "evaluate", "info", "generate", "simulate", "board"]
    assert float(re.search(r"accuracy ([\d.]+)%", said["train_model.py"])[1]) > 85
    assert (Path(tmp_path) / "rtl_out" / "digits_torch" / "manifest.yaml").is_file()
    bitstream = Path(tmp_path) / "build" / "digits_torch" / "board" / "icebreaker" / "digits_torch-icebreaker.bin"
    assert "met: Fmax" in said["board"] and bitstream.stat().st_size > 100_000
    assert "failed" not in said["simulate"] and said["simulate"].count("passed") >= 2
