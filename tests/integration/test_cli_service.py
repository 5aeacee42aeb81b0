"""The same commands beside a running service: it does what they ask, over its socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.acceptance.terminal import foreign_pbx
from tests.integration.service_command import Place

NUMBER, OTHER = "+442079460123", "+442079460999"
SECRET = "practice-practice"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place where a service runs, on a PBX that answers."""
    folder = tmp_path_factory.mktemp("service")
    with contextlib.ExitStack() as stack:
        pbx = stack.enter_context(foreign_pbx(tmp_path_factory.mktemp("pbx"), SECRET))
        place = Place(folder, lab={"port": pbx["port"], "secret": SECRET}, api={"port": 0})
        serving = stack.enter_context(place.start("serve"))
        serving.until_says("gateway.ready")
        yield place
        assert serving.end() == 0


def test_a_callback_is_taken_in_moved_and_canceled_by_the_service(place: Place) -> None:
    assert place.run("stop-all").code == 0  # or it is on the telephone before it can be moved
    taken = place.run("call", NUMBER, "--now", "--json")
    assert taken.code == 0, taken
    assert taken.json["plan"]["decider"].startswith("human:")
    id_ = taken.json["id"]
    moved = place.run("reschedule", id_[:20], "in 45 min")
    assert (moved.code, "by human:" in moved.out) == (0, True), moved
    assert place.run("resume", "--yes").code == 0
    late = place.run("reschedule", id_, "in 300d")
    assert (late.code, "deadline" in late.err) == (2, True), late
    assert place.run("why", id_).code == 0
    canceled = place.run("cancel", id_, "--reason", "solved")
    assert (canceled.code, "CANCELED" in canceled.out) == (0, True), canceled
    closed = place.run("call-now", id_)
    assert (closed.code, closed.err.startswith("Error: ")) == (2, True), closed


def test_a_call_for_now_that_rings_already_is_no_mistake(place: Place) -> None:
    said = place.run("call", OTHER, "--now")
    assert said.code == 0, said
    assert "try again" not in said.err


def test_the_panic_button_reaches_the_service(place: Place) -> None:
    stopped = place.run("stop-all", "--reason", "fire")
    assert (stopped.code, "Calls under way go on" in stopped.err) == (0, True), stopped
    why = place.run("why", "--json").json
    assert why["running"]
    assert any("fire" in one["text"] for one in why["reasons"])
    assert place.run("resume", "--yes", "--json").json["lifted"]["reason"] == "fire"
    assert place.run("holds", "--json").json["holds"] == []


def test_numbers_and_keys_are_the_services_too(place: Place) -> None:
    assert place.run("dnc", "add", OTHER, "--reason", "asked so").code == 0
    assert len(place.run("dnc", "list", "--json").json["do_not_call"]) == 1
    assert place.run("dnc", "remove", OTHER, "--yes").code == 0
    twice = place.run("dnc", "remove", OTHER, "--yes")
    assert (twice.code, "is not on the do-not-call list" in twice.err) == (2, True), twice
    made = place.run("keys", "create", "crm", "--expires", "in 90d", "--json")
    assert made.json["key"].startswith("kai_")
    (key,) = (
        one for one in place.run("keys", "list", "--json").json["keys"] if one["name"] == "crm"
    )
    assert place.run("keys", "revoke", key["id"]).code == 0


def test_top_and_check_see_the_service_and_its_carrier(place: Place) -> None:
    data = place.run("top", "--json").json
    assert data["running"]
    assert [(one["name"], one["up"]) for one in data["carriers"]] == [("lab", True)]
    found = place.run("check", "--json")
    assert found.code == 0, found
    about = {one["about"]: one["level"] for one in found.json["findings"]}
    assert (about["service"], about["database"]) == ("ok", "ok")
