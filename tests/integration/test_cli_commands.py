"""Each command over a stopped service: the happy path and the likely mistakes, in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.integration.service_command import Place

NUMBER, OTHER = "+442079460123", "+442079460999"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def asked(place: Place, number: str = NUMBER, *more: str) -> str:
    return str(place.run("call", number, "--json", *more).json["id"])


def test_a_call_is_tried_without_keeping_it_and_then_taken_in_once(place: Place) -> None:
    tried = place.run("call", NUMBER, "--reason", "invoice", "--dry-run")
    assert tried.code == 0
    assert "nothing is kept" in tried.err
    assert "next call" in tried.out
    assert NUMBER not in tried.out
    assert place.run("callbacks").code == 3  # there is no database yet
    taken = place.run("call", NUMBER, "--name", "Ann")
    assert (taken.code, "next call" in taken.out) == (0, True)
    again = place.run("call", NUMBER)
    assert "waits for a call of this queue already" in again.err
    assert len(place.run("callbacks", "--json").json["callbacks"]) == 1
    assert place.run("callbacks", "--number", OTHER, "--json").json["callbacks"] == []
    assert place.run("contacts", "--number", NUMBER, "--reveal", "--json").json["contacts"][0][
        "numbers"
    ] == [NUMBER]


def test_what_cannot_be_called_is_refused_with_a_remedy(place: Place) -> None:
    for command, told in (
        (("call", "12"), "number"),
        (("call", NUMBER, "--queue", "suport"), "Did you mean 'support'?"),
        (("call", NUMBER, "--deadline", "someday"), "cannot be read as a time"),
        (("callbacks", "--since", "long ago"), "--since"),
    ):
        said = place.run(*command)
        assert (said.code, told in said.err) == (2, True), said
        assert NUMBER not in said.err


def test_a_callback_gets_another_time_and_says_it_in_both_clocks(place: Place) -> None:
    id_ = asked(place)
    said = place.run("reschedule", id_[:20], "in 30 min")
    assert said.code == 0, said
    assert re.search(r"next call .+ \(.*UTC\)|next call .+ UTC", said.out)
    assert "by human:" in said.out
    past = place.run("reschedule", id_, "2020-01-01T00:00Z")
    assert (past.code, "lies in the past" in past.err) == (2, True)
    late = place.run("reschedule", id_, "in 300d")
    assert (late.code, "deadline" in late.err) == (2, True)
    assert place.run("call-now", id_).code == 0


def test_callbacks_are_canceled_and_a_wrong_id_stops_no_other(place: Place) -> None:
    first, second = asked(place), asked(place, OTHER)
    wrong = f"{first[:-1]}{'0' if first[-1] != '0' else '1'}"
    said = place.run("cancel", first, wrong, second, "--reason", "solved", "--json")
    assert said.code == 2
    assert {one["state"] for one in said.json["callbacks"]} == {"CANCELED"}
    assert len(said.json["callbacks"]) == 2
    assert "Did you mean" in said.err
    closed = place.run("reschedule", first, "in 1h")
    assert closed.code == 2
    assert place.run("why", first).out.count("It is closed (CANCELED)") == 1


def test_the_panic_button_holds_without_a_service_and_is_let_go(place: Place) -> None:
    said = place.run("stop-all", "--reason", "fire")
    assert (said.code, "STOPPED" in said.out, "fire" in said.out) == (0, True, True)
    assert place.run("stop-all", "--queue", "support", "--json").json["holds"][1]["target"] == (
        "queue:support"
    )
    why = place.run("why", "--json").json
    assert [one["code"] for one in why["reasons"]][:3] == ["not_running", "hold", "hold"]
    unasked = place.run("resume")
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    assert "No call is due now. Go on?" in unasked.err
    strange = place.run("resume", "suport", "--yes")
    assert (strange.code, "Did you mean 'support'?" in strange.err) == (2, True)
    lifted = place.run("resume", "--yes", "--json").json
    assert (lifted["lifted"]["target"], len(lifted["holds"])) == ("all", 1)
    assert place.run("resume", "support", "--yes").code == 0
    assert "Nothing is held" in place.run("holds").out


def test_the_panic_button_does_not_wait_for_a_broken_configuration(place: Place) -> None:
    asked(place)
    with place.start("serve") as running:
        running.until_says("gateway.ready")
        running.end()
    (place.folder / "kairos.yaml").write_text("data_dir: data\nqueues: [\n")
    said = place.run("stop-all", "--reason", "fire")
    assert (said.code, "STOPPED" in said.out) == (0, True)
    assert "going by what last worked" in said.err
    for command in (("holds",), ("why",), ("callbacks",), ("top", "--once")):
        assert place.run(*command).code == 0
    assert place.run("call", "020 7946 0123").code == 2
    assert place.run("resume", "--yes").code == 0


def test_why_begins_with_the_service_that_does_not_run(place: Place) -> None:
    said = place.run("why")
    assert said.code == 0
    assert said.out.startswith("No service runs")
    assert "serve" in said.out
    wrong = place.run("why", "suport")
    assert (wrong.code, "Did you mean 'support'?" in wrong.err) == (2, True)
    asked(place)
    lost = place.run("why", "cb0zzzz")
    assert (lost.code, "No callback has an id" in lost.err) == (2, True)


def test_numbers_go_on_the_do_not_call_list_and_off_again(place: Place) -> None:
    assert place.run("dnc", "add", NUMBER, "--reason", "asked so").code == 0
    listed = place.run("dnc", "list", "--json").json["do_not_call"]
    assert [(one["number"], one["reason"]) for one in listed] == [("…23", "asked so")]
    unasked = place.run("dnc", "remove", NUMBER)
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    assert place.run("dnc", "remove", NUMBER, "--yes").code == 0
    twice = place.run("dnc", "remove", NUMBER, "--yes")
    assert (twice.code, "is not on the do-not-call list" in twice.err) == (2, True)
    assert place.run("dnc", "add", "12").code == 2


def test_a_key_is_shown_once_and_revoked_for_good(place: Place) -> None:
    made = place.run("keys", "create", "crm", "--scope", "read", "--expires", "in 90d", "--json")
    assert made.code == 0
    token = made.json["key"]
    (listed,) = place.run("keys", "list", "--json").json["keys"]
    assert (listed["name"], listed["scope"], listed["state"]) == ("crm", "read", "valid")
    assert token.split("_")[2] not in json.dumps(listed)
    assert place.run("keys", "revoke", listed["id"]).code == 0
    assert "revoked before" in place.run("keys", "revoke", listed["id"]).out
    wrong = place.run("keys", "revoke", f"{listed['id'][:-1]}x")
    assert (wrong.code, "Did you mean" in wrong.err) == (2, True)
    assert place.run("keys", "create", "crm", "--scope", "all").code == 2
    assert place.run("keys", "create", "crm", "--expires", "never").code == 2


def test_top_looks_once_where_nobody_watches(place: Place) -> None:
    asked(place)
    shown = place.run("top")
    assert (shown.code, "no service runs" in shown.out) == (0, True)
    data = place.run("top", "--json").json
    assert (data["running"], data["states"]["SCHEDULED"]) == (False, 1)
    assert place.run("top", "--every", "0").code == 2


def test_a_narrow_terminal_still_shows_when_a_callback_is_due(place: Place) -> None:
    asked(place)
    said = place.run("callbacks", environment={"COLUMNS": "80"})
    assert ("Due or closed" in said.out, "Contact" in said.out) == (True, True)
    assert max(map(len, said.out.splitlines())) <= 80


def test_a_key_is_shown_with_the_address_it_opens(place: Place) -> None:
    place.configure(api={"port": 8123})
    made = place.run("keys", "create", "crm")
    assert "http://127.0.0.1:8123/v1/callbacks" in made.err
    wrong = place.run("keys", "create", "crm", "--expires", "yesterday")
    assert (wrong.code, "--expires: cannot be read" in wrong.err) == (2, True)


def test_webhooks_can_be_looked_at(place: Place) -> None:
    asked(place)
    assert place.run("webhooks", "list", "--json").json["webhooks"] == []
    said = place.run("webhooks", "deliveries", "wh1")
    assert (said.code, "There is no webhook" in said.err) == (2, True)


def test_check_tells_each_thing_and_how_to_mend_it(place: Place) -> None:
    place.configure(api={"port": 0})
    said = place.run("check", "--json")
    assert said.code == 4
    found = {one["about"]: one for one in said.json["findings"]}
    assert found["configuration"]["level"] == "ok"
    assert "not there yet" in found["database"]["text"]
    (pbx,) = (one for one in said.json["findings"] if one["level"] == "fail")
    assert "nothing listens at 127.0.0.1:9" in pbx["text"]
    assert "enabled = yes" in pbx["remedy"]
    place.configure(default_queue="suport")
    broken = place.run("check")
    assert (broken.code, "did you mean 'support'?" in broken.out) == (2, True)


def test_colours_are_left_out_of_pipes_and_nothing_breaks_off(place: Place) -> None:
    asked(place)
    for command in (("callbacks",), ("why",), ("top",), ("check",)):
        assert "\x1b[" not in place.run(*command).out
