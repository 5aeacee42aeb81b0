"""Whatever goes wrong at the command line: a plain sentence, a remedy, an exit code, no traceback.

The real command in a process of its own, as a user has it.
"""

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from adapters.lab.simpbx import SimulatedPbx
from adapters.sql.lock import DirectoryLock
from tests.integration.service_command import Place

ONE = "number,name\n+442079460123,Ann\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place with one callback in it, for commands that change nothing."""
    place = Place(tmp_path_factory.mktemp("stocked"))
    assert place.run("import", str(place.write(ONE))).code == 0
    return place


def test_without_a_configuration_the_first_step_is_named(tmp_path: Path, place: Place) -> None:
    (tmp_path / "kairos.yaml").unlink()
    said = place.run("serve")
    assert said.code == 2
    assert "There is no configuration." in said.err
    assert "kairos init makes one" in said.err
    assert "kairos practice" in said.err


def test_every_mistake_of_a_configuration_is_told_at_once(place: Place) -> None:
    place.configure(default_queue="suport", data_dirr="x")
    said = place.run("serve", "--config", "kairos.yaml")
    assert said.code == 2
    assert "default_queue: no queue 'suport'; did you mean 'support'?" in said.err
    assert "data_dirr: unknown key; did you mean 'data_dir'?" in said.err


def test_a_practice_profile_with_a_real_carrier_is_refused(place: Place) -> None:
    place.configure(lab={"type": "asterisk"})
    said = place.run("serve")
    assert said.code == 2
    assert "the practice profile may use lab carriers only" in said.err


async def test_a_wrong_ami_password_ends_the_service_with_its_own_code(place: Place) -> None:
    async with SimulatedPbx(secret="right") as pbx:
        place.configure(lab={"port": pbx.port, "secret": "guessed-it"})
        said = await asyncio.to_thread(place.run, "serve")
    assert said.code == 4
    assert "manager.conf" in said.err
    assert "guessed-it" not in said.err


def test_a_database_that_is_down_is_said_without_its_password(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        place.configure(database={"url": f"postgresql://kairos:hush@127.0.0.1:{port}/kairos"})
        said = place.run("serve")
    assert said.code == 3, said
    assert "Check that the database is up" in said.err
    assert "hush" not in said.err + said.out


def test_reading_before_anything_was_written_is_explained(place: Place) -> None:
    said = place.run("callbacks")
    assert said.code == 3
    assert said.err.startswith("Error: ")
    assert "It is made by the first kairos serve or kairos import." in said.err


def test_a_data_directory_that_cannot_be_is_explained(tmp_path: Path, place: Place) -> None:
    (tmp_path / "data").write_text("a file")
    said = place.run("serve")
    assert said.code == 3
    assert "cannot be used" in said.err


def test_a_locked_data_directory_names_the_process_that_has_it(place: Place) -> None:
    lock = DirectoryLock(place.data)
    lock.take()
    try:
        said = place.run("import", str(place.write(ONE)))
    finally:
        lock.release()
    assert said.code == 5
    assert "another Kairos (process" in said.err


def test_a_full_disk_is_said_and_the_data_stays_whole(place: Place) -> None:
    many = "".join(f"+44207946{n:04d},{'x' * 400}\n" for n in range(1000))
    file = place.write("number,reason\n" + many)
    said = place.run("import", str(file), file_limit=400_000)
    assert said.code == 3, said
    assert "room" in said.err
    assert place.run("audit").code == 0


def test_a_full_disk_for_the_rejected_rows_is_said(stocked: Place) -> None:
    many = "".join(f"12,{'x' * 400}\n" for _ in range(2000))
    file = stocked.write("number,reason\n" + many, "bad.csv")
    said = stocked.run("import", str(file), file_limit=300_000)
    assert said.code == 1, said
    assert "The rejected rows cannot be written down" in said.err


def test_a_file_that_is_no_table_is_explained(stocked: Place) -> None:
    (stocked.folder / "sheet.csv").write_bytes(b"PK\x03\x04")
    said = stocked.run("import", "sheet.csv")
    assert said.code == 2
    assert "sheet.csv: is no text file." in said.err
    assert "save as CSV" in said.err


def test_an_id_that_is_not_there_is_explained(stocked: Place) -> None:
    said = stocked.run("show", "cbnothing")
    assert said.code == 2
    assert "cbnothing" in said.err


def test_a_second_service_is_refused_and_the_first_ends_cleanly(place: Place) -> None:
    with place.start("serve") as service:
        service.until_says("gateway.ready")
        said = place.run("serve")
        assert said.code == 5
        assert "another Kairos" in said.err
        assert service.end(signal.SIGTERM) == 0
    assert "gateway.stopped" in service.said
    assert not (place.data / "control.sock").exists()


def test_help_tells_examples_and_exit_codes(stocked: Place) -> None:
    said = stocked.run("--help")
    assert said.code == 0
    assert "kairos practice" in said.out
    assert "130: ended at once" in said.out


def test_the_version_is_told(stocked: Place) -> None:
    assert stocked.run("version").out.startswith("kairos ")
