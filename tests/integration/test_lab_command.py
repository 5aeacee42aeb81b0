"""``make lab``: what it prints can be typed as it stands, and nothing is left when it ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.asterisk

ROOT = Path(__file__).parents[2]
HEADING = "Kairos on it, in another terminal of this folder:\n"
WITHIN = 40.0


def test_what_it_prints_has_people_called_and_nothing_is_left(tmp_path: Path) -> None:
    printed, served = tmp_path / "lab.out", tmp_path / "serve.out"
    with printed.open("w") as output:
        lab = subprocess.Popen([sys.executable, "-m", "adapters.lab"], cwd=ROOT, stdout=output)
    try:
        _until(printed, "Ctrl-C ends the lab.", lab)
        _connects_as_an_own_pbx(printed.read_text(), tmp_path)
        commands = printed.read_text().partition(HEADING)[2].partition("\n\n")[0]
        place = Path(commands.partition("KAIROS_DATA_DIR=")[2].split()[0]).parent
        with served.open("w") as output:
            serve = subprocess.Popen(
                ["bash", "-c", commands.replace("&& ", "&& exec ")],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _until(served, "disposition=answered_human reason=reached", serve)
        finally:
            serve.send_signal(signal.SIGINT)
            assert serve.wait(WITHIN) == 0
    finally:
        lab.send_signal(signal.SIGINT)
        assert lab.wait(WITHIN) == 0
    assert not place.exists()
    assert not [one for one in psutil.process_iter() if str(place) in _line(one)]


def _connects_as_an_own_pbx(sheet: str, folder: Path) -> None:
    command = sheet.partition("in an empty folder:\n")[2].partition("\n\n")[0]
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert "the dialplan has support@kairos-queue" in done.stderr


def _until(file: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + WITHIN
    while text not in file.read_text():
        assert process.poll() is None, file.read_text()
        assert time.monotonic() < until, file.read_text()
        time.sleep(0.05)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
