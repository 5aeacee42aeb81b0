"""The command line as somebody at a terminal meets it: by typing, mistakes included."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load_settings
from tests.acceptance.terminal import KAIROS, Terminal, foreign_pbx

SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with foreign_pbx(tmp_path_factory.mktemp("pbx"), SECRET) as found:
        yield found


def test_init_leads_from_nothing_to_a_configuration_that_works(
    tmp_path: Path, pbx: dict[str, Any]
) -> None:
    with Terminal(tmp_path, "init") as terminal:
        terminal.answers("Host of the PBX [127.0.0.1]:")
        terminal.answers("Manager port [5038]:", "many")
        terminal.sees("valid integer")
        terminal.answers("Manager port [5038]:", str(pbx["port"]))
        terminal.answers("Manager user [kairos]:")
        terminal.answers("Its secret", "short")
        terminal.sees("too short")
        terminal.answers("Its secret", SECRET)
        terminal.sees("write = originate,call,reporting")
        terminal.answers("Try the login now?")
        terminal.sees("login and rights to write are in order")
        terminal.answers("How to dial", "PJSIP/trunk")
        terminal.sees("must hold {number} or {digits} once")
        terminal.answers("How to dial", "PJSIP/{number}@lab")
        terminal.answers("Caller id", "+358912345678")
        terminal.answers("Context for people who answered", "kairos-talk")
        terminal.answers("Extension there", "stay")
        terminal.sees("does not tell whether its dialplan has stay@kairos-talk")
        terminal.answers("Country of your numbers", "XX")
        terminal.sees("must be one there are calling rules for")
        terminal.answers("Country of your numbers", "FI")
        terminal.answers("Name of the queue", "Sales Team")
        terminal.answers("Name of the queue", "sales")
        terminal.answers("How long after a request", "4h")
        terminal.answers("Calls a second")
        terminal.sees("kairos.yaml, for your eyes only")
        terminal.sees("check")
        terminal.sees("serve")
        assert terminal.ends() == 0
        assert SECRET not in terminal.seen
    settings = load_settings(tmp_path / "kairos.yaml")
    assert settings.carriers["pbx"].secret.get_secret_value() == SECRET
    assert settings.queues["sales"].deadline == 4 * 3600
    assert SECRET not in (tmp_path / "kairos.yaml").read_text()
    for name in ("kairos.yaml", "pbx.secret"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_init_says_what_is_wrong_with_the_login_and_lets_it_be_mended(
    tmp_path: Path, pbx: dict[str, Any]
) -> None:
    with Terminal(tmp_path, "init", "--country", "FI", "--port", "9") as terminal:
        terminal.answers("Host of the PBX")
        terminal.answers("Manager user")
        terminal.answers("Its secret", "this-is-the-wrong-one")
        terminal.answers("Try the login now?")
        terminal.sees("nothing listens at 127.0.0.1:9")
        terminal.sees("enabled = yes")
        terminal.answers("What now?", "c")
        terminal.answers("Host of the PBX")
        terminal.answers("Manager port [9]:", str(pbx["port"]))
        terminal.answers("Manager user")
        terminal.answers("Its secret (hidden; empty: it stays)")
        terminal.sees("Asterisk refused the login of 'kairos' (Authentication failed)")
        terminal.sees("permit = 127.0.0.1/255.255.255.255")
        terminal.answers("What now?", "c")
        terminal.answers("Host of the PBX")
        terminal.answers("Manager port")
        terminal.answers("Manager user")
        terminal.answers("Its secret", SECRET)
        terminal.sees("login and rights to write are in order")
        terminal.sees("How to dial")
        terminal.interrupts()
        assert terminal.ends() == 130
        assert "Ended; nothing was changed." in terminal.seen
    assert list(tmp_path.iterdir()) == []


def test_init_takes_no_for_an_answer_and_tries_nothing(tmp_path: Path) -> None:
    with Terminal(tmp_path, "init", "--country", "FI", "--port", "9") as terminal:
        terminal.answers("Host of the PBX")
        terminal.answers("Manager user")
        terminal.answers("Its secret", SECRET)
        terminal.answers("Try the login now?", "n")
        terminal.sees("How to dial")
        assert "nothing listens" not in terminal.seen
        terminal.interrupts()
        assert terminal.ends() == 130


def test_init_reads_a_secret_file_anew_when_the_answers_change(tmp_path: Path) -> None:
    secret = tmp_path / "mine"
    secret.write_text(SECRET)
    command = ("init", "--country", "FI", "--port", "9", "--secret-file", "mine")
    with Terminal(tmp_path, *command) as terminal:
        terminal.answers("Host of the PBX")
        terminal.answers("Manager user")
        terminal.answers("Try the login now?")
        terminal.answers("What now?", "c")
        terminal.answers("Host of the PBX")
        terminal.answers("Manager port")
        terminal.answers("Manager user")
        terminal.sees("read anew from")
        terminal.answers("What now?", "g")
        terminal.sees("How to dial")
        terminal.interrupts()
        assert terminal.ends() == 130


def test_init_asks_nothing_where_everything_is_said(tmp_path: Path, pbx: dict[str, Any]) -> None:
    secret = tmp_path / "mine"
    secret.write_text(SECRET)
    command = ("init", "--yes", "--country", "FI", "--secret-file", "mine")
    with Terminal(tmp_path, *command, "--port", str(pbx["port"])) as terminal:
        assert terminal.ends() == 0
    assert not (tmp_path / "pbx.secret").exists()
    with Terminal(tmp_path, *command) as terminal:
        assert terminal.ends() == 2
        assert "is there already and was left as it is" in terminal.seen
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-right-secret")
    given = ("init", "--yes", "--force", "--country", "FI", "--secret-file", "wrong")
    with Terminal(tmp_path, *given, "--port", str(pbx["port"])) as terminal:
        assert terminal.ends() == 4
        assert "refused the login" in terminal.seen
    assert (tmp_path / "kairos.yaml.old").exists()


def test_resume_asks_and_only_a_yes_lifts_the_hold(tmp_path: Path) -> None:
    def kairos(*command: str) -> int:
        return subprocess.run(
            (KAIROS, *command), cwd=tmp_path, capture_output=True, check=False
        ).returncode

    assert kairos("init", "--yes", "--country", "FI", "--no-test") == 0
    assert kairos("stop-all", "--reason", "fire") == 0
    with Terminal(tmp_path, "resume") as terminal:
        terminal.answers("Go on? [y/N]:")
        assert terminal.ends() == 2
        assert "the hold stands" in terminal.seen
    with Terminal(tmp_path, "resume") as terminal:
        terminal.sees("No call is due now")
        terminal.answers("[y/N]:", "y")
        assert terminal.ends() == 0
        assert "Lifted: all calls held by" in terminal.seen
    with Terminal(tmp_path, "holds") as terminal:
        assert terminal.ends() == 0
        assert "Nothing is held." in terminal.seen


def test_top_and_a_watched_list_stay_until_ctrl_c(tmp_path: Path) -> None:
    made: tuple[str, ...] = ("init", "--yes", "--country", "FI", "--no-test")
    for command in (made, ("call", "0401234567")):
        subprocess.run((KAIROS, *command), cwd=tmp_path, capture_output=True, check=True)
    for watched, shown in ((("top",), "no service runs"), (("callbacks", "--watch"), "SCHEDULED")):
        with Terminal(tmp_path, *watched) as terminal:
            terminal.sees(shown)
            terminal.interrupts()
            assert terminal.ends() == 0


def test_a_mistyped_command_gets_its_right_name(tmp_path: Path) -> None:
    with Terminal(tmp_path, "reshedule") as terminal:
        assert terminal.ends() == 2
        assert "Did you mean 'reschedule'" in terminal.seen
