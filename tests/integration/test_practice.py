"""``kairos practice``, the first command of the README, as a newcomer runs it."""

import shutil
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.integration.service_command import Place

QUICK = ("practice", "--pbx", "simulated", "--speed", "50")
READ = ("--config", "kairos-practice/kairos.yaml")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    (tmp_path / "kairos.yaml").unlink()
    return place


def test_a_practice_run_reaches_people_and_keeps_every_promise(place: Place) -> None:
    with place.start(*QUICK, "--callbacks", "30") as run:
        run.until_says("of 30 closed; calls up")
        beside = place.run("audit", *READ)
        assert beside.code == 0, beside
        assert run.process.wait(50) == 0
    assert "Practising with the simulated PBX (as asked)." in run.said
    assert "DONE" in run.said
    assert "Nobody was lost, nobody was called twice: audited over 30." in run.said
    listed = place.run("callbacks", "--json", "--limit", "100").json["callbacks"]
    assert {one["state"] for one in listed} <= {"DONE", "EXHAUSTED", "BLOCKED", "EXPIRED"}
    assert sum(one["state"] == "DONE" for one in listed) >= 8
    assert len(listed) == 30
    told = run.said.partition("kairos show ")[2].split()[0]
    assert "attempt 1" in place.run("show", told).out
    log = (place.folder / "kairos-practice" / "kairos.log").read_text()
    assert "+44" not in log + run.said


def test_a_practice_run_ends_on_request_and_goes_on_where_it_was(place: Place) -> None:
    with place.start(*QUICK, "--callbacks", "30") as run:
        run.until_says("of 30 closed; calls up")
        time.sleep(0.5)
        assert run.end(signal.SIGINT) == 0
    told = run.said.partition(" still open. To go on: ")[2].splitlines()[0]
    assert shutil.which(told.split()[0]), "what is told can be typed as it stands"
    assert told.endswith("kairos practice")
    before = {one["id"] for one in closed(place)}
    with place.start(*QUICK, "--speed", "10") as run:
        run.until_says("of 30 closed; calls up")
        time.sleep(0.4)
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        assert run.end(signal.SIGINT) == 130
    last = place.run(*QUICK)
    assert last.code == 0, last
    assert "Going on with the 30 callbacks" in last.err
    assert "audited over 30" in last.out
    after = closed(place)
    assert len(after) == 30
    assert before <= {one["id"] for one in after}


def closed(place: Place) -> list[dict[str, str]]:
    listed = place.run("callbacks", "--json", "--limit", "100", *READ).json["callbacks"]
    return [one for one in listed if one["closed_at"]]


def test_a_folder_with_other_things_in_it_is_left_alone(place: Place) -> None:
    real = place.folder / "kairos-data"
    real.mkdir()
    (real / "kairos.db").write_text("precious")
    said = place.run(*QUICK, "--data-dir", "kairos-data")
    assert said.code == 2
    assert "is not empty and no practice folder" in said.err
    assert [one.name for one in real.iterdir()] == ["kairos.db"]


def test_a_variable_cannot_lead_a_practice_run_to_real_data(place: Place) -> None:
    said = place.run(*QUICK, environment={"KAIROS_DATA_DIR": str(place.folder / "real")})
    assert said.code == 2
    assert "KAIROS_DATA_DIR is set" in said.err
    assert not (place.folder / "real").exists()


def test_a_variable_cannot_lead_a_practice_run_to_a_real_switch(place: Place) -> None:
    said = place.run(*QUICK, environment={"KAIROS_CARRIERS__LAB__HOST": "192.0.2.1"})
    assert said.code == 2
    assert "must be on this machine" in said.err


def test_the_same_folder_is_practised_in_once_at_a_time(place: Place) -> None:
    with place.start(*QUICK, "--callbacks", "60", "--speed", "1") as run:
        run.until_says("of 60 closed; calls up")
        said = place.run(*QUICK)
        assert said.code == 5
        assert "Another practice run uses" in said.err


@pytest.mark.asterisk
def test_a_real_asterisk_is_gone_when_practice_ends(place: Place) -> None:
    command = ("practice", "--pbx", "real", "--speed", "20", "--callbacks", "6")
    with place.start(*command) as run:
        run.until_says("of 6 closed; calls up")
        switches = _switches(run.process.pid)
        assert switches
        assert run.end(signal.SIGINT) == 0
    assert "Practising with a real Asterisk" in run.said
    assert not [one for one in switches if one.is_running()]


@pytest.mark.asterisk
def test_after_a_real_asterisk_the_simulated_pbx_goes_on_and_the_other_way_round(
    place: Place,
) -> None:
    for pbx in ("real", "simulated", "real"):
        command = ("practice", "--pbx", pbx, "--speed", "0.5", "--callbacks", "30")
        with place.start(*command) as run:
            run.until_says("of 30 closed; calls up")
            assert run.end(signal.SIGINT) == 0, run.said
        assert "Nobody was lost" in run.said


@pytest.mark.asterisk
def test_a_real_asterisk_is_gone_when_the_start_fails(place: Place) -> None:
    command = ("practice", "--pbx", "real", "--callbacks", "6")
    said = place.run(*command, environment={"KAIROS_PROFILE": "normal"})
    assert said.code == 2, said
    assert "Practising with a real Asterisk" in said.err
    left = [one for one in psutil.process_iter() if str(place.folder) in _line(one)]
    assert left == []


def _switches(pid: int) -> list[psutil.Process]:
    below = psutil.Process(pid).children(recursive=True)
    return [one for one in below if "asterisk" in _line(one)]


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
