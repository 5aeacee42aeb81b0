"""The people of the lab: who behaves how, always the same, and at numbers nobody has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import phonenumbers
import pytest

from adapters.lab.numbers import (
    AMERICAN_RANGES,
    BY_NAME,
    INVALID_RANGES,
    RANGES,
    SUFFIXES,
    DramaRange,
    number_for,
    suffix_world,
)
from adapters.lab.practice import PracticeWorld
from adapters.lab.world import Answer, Behaviour, CountingWorld, TableWorld, World

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BUSY = Behaviour(answer=Answer.BUSY)
HUMAN = Behaviour(answer=Answer.HUMAN)
MACHINE = Behaviour(answer=Answer.MACHINE)


@pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf"), 86_401.0])
def test_a_behaviour_lasts_a_real_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be between"):
        Behaviour(answer=Answer.HUMAN, ring_seconds=seconds)
    with pytest.raises(ValueError, match="seconds must be between"):
        Behaviour(answer=Answer.HUMAN, talk_seconds=seconds)


def test_the_table_prefers_exact_then_the_longest_prefix_then_the_longest_suffix() -> None:
    world = TableWorld(
        table={
            "+4420*": BUSY,
            "+442079*": HUMAN,
            "*7": MACHINE,
            "*77": BUSY,
            "+442079460007": MACHINE,
        }
    )

    def answer(number: str) -> Answer:
        return world.meet(number, NOON, 1).answer

    assert answer("+442079460007") is Answer.MACHINE
    assert answer("+442079460077") is Answer.HUMAN
    assert answer("+442000000007") is Answer.BUSY
    assert answer("+33199000007") is Answer.MACHINE
    assert answer("+33199000077") is Answer.BUSY
    assert answer("+33199000001") is Answer.NOT_FOUND


def test_a_script_is_followed_by_attempt_and_its_last_line_stays() -> None:
    world = TableWorld(table={"+1": (BUSY, HUMAN)})
    assert [world.meet("+1", NOON, attempt) for attempt in (0, 1, 2, 3)] == [
        BUSY,
        BUSY,
        HUMAN,
        HUMAN,
    ]


@pytest.mark.parametrize("pattern", ["", "*", "**", "*1*", "1*2"])
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="bad line"):
        TableWorld(table={pattern: BUSY})


def test_an_empty_script_is_refused() -> None:
    with pytest.raises(ValueError, match="bad line"):
        TableWorld(table={"+1": ()})


def test_lines_can_be_added_to_a_world() -> None:
    world = suffix_world().with_lines({"+442079460000": BUSY})
    assert world.meet("+442079460000", NOON, 1) == BUSY
    assert world.meet("+442079460001", NOON, 1).answer is Answer.HUMAN


def test_a_world_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "world.toml"
    file.write_text(
        '["+442079460123"]\nanswer = "busy"\nring_seconds = 2\n'
        '[["*9"]]\nanswer = "ring_out"\n[["*9"]]\nanswer = "human"\n'
        '[default]\nanswer = "machine"\n'
    )
    world = TableWorld.load(file)
    assert world.meet("+442079460123", NOON, 1) == Behaviour(answer=Answer.BUSY, ring_seconds=2.0)
    assert world.meet("+49", NOON, 1).answer is Answer.RING_OUT
    assert world.meet("+49", NOON, 2).answer is Answer.HUMAN
    assert world.meet("+48", NOON, 1).answer is Answer.MACHINE


@pytest.mark.parametrize(
    "line", ['answer = "asleep"', "ring_seconds = 1", 'answer = "busy"\nsleep = 1']
)
def test_a_wrong_file_names_the_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "world.toml"
    file.write_text(f'["+442079460123"]\n{line}\n')
    with pytest.raises(ValueError, match=r"\+442079460123"):
        TableWorld.load(file)


def test_calls_are_counted_per_number() -> None:
    world = CountingWorld(TableWorld(table={"+1": (BUSY, HUMAN)}, default=MACHINE))
    assert [world.call(number, NOON) for number in ("+1", "+2", "+1")] == [
        (BUSY, 1),
        (MACHINE, 1),
        (HUMAN, 2),
    ]
    assert world.calls() == {"+1": 2, "+2": 1}
    assert world.calls(["+2", "+3"]) == {"+2": 1, "+3": 0}


def test_the_published_table_covers_every_ending_once() -> None:
    endings = [n for line in SUFFIXES for n in range(line.first, line.last + 1)]
    assert endings == list(range(1000))
    assert {line.script[0].answer for line in SUFFIXES} | {Answer.HUMAN} == set(Answer)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_world_follows_the_published_table(name: str) -> None:
    world, line = suffix_world(), BY_NAME[name]
    for block in RANGES:
        for index in (0, line.last - line.first):
            number = line.number(index, where=block)
            assert [world.meet(number, NOON, n) for n in (1, 2, 3)] == [
                line.script[min(n, len(line.script)) - 1] for n in (1, 2, 3)
            ]


def test_numbers_count_on_through_the_ranges() -> None:
    size = (BY_NAME["busy"].last - BY_NAME["busy"].first + 1) * len(RANGES)
    numbers = [number_for("busy", index) for index in range(size)]
    assert len(set(numbers)) == size
    with pytest.raises(ValueError, match="there are only"):
        number_for("busy", size)
    with pytest.raises(ValueError, match="there are only"):
        number_for("busy", -1)


@pytest.mark.parametrize("block", [*RANGES, *AMERICAN_RANGES], ids=lambda block: block.place)
def test_the_ranges_pass_the_intake(block: DramaRange) -> None:
    for index in (0, 1, 99, *((500, 999) if block in RANGES else ())):
        assert phonenumbers.is_valid_number(phonenumbers.parse(block.number(index)))


def test_two_ranges_are_fictitious_and_invalid() -> None:
    for block in INVALID_RANGES:
        assert not phonenumbers.is_valid_number(phonenumbers.parse(block.number(123)))


def test_agents_have_lines_of_their_own() -> None:
    world = suffix_world()
    agents = [world.meet(f"agent{n}", NOON, 1) for n in range(1, 100)]
    assert [one.answer for one in agents[:79]] == [Answer.HUMAN] * 79
    assert {one.answer for one in agents[79:84]} == {Answer.BUSY}
    assert {one.answer for one in agents[84:89]} == {Answer.DECLINE}
    assert {one.answer for one in agents[89:98]} == {Answer.RING_OUT}
    assert world.meet("agent0", NOON, 1).answer is Answer.NOT_FOUND
    assert world.meet("agent100", NOON, 1).answer is Answer.NOT_FOUND


class TestPractice:
    def test_it_is_a_world(self) -> None:
        assert isinstance(PracticeWorld(), World)

    def test_the_same_seed_is_the_same_world(self) -> None:
        one, same, other = PracticeWorld(seed=3), PracticeWorld(seed=3), PracticeWorld(seed=4)
        number = one.people[7].number
        hours = [NOON + timedelta(hours=h) for h in range(48)]
        met = [one.meet(number, at, 1) for at in hours]
        assert one.people == same.people
        assert met == [same.meet(number, at, 1) for at in hours]
        assert met != [other.meet(number, at, 1) for at in hours]

    def test_it_has_all_kinds_of_answers(self) -> None:
        world = PracticeWorld()
        answers = [world.meet(one.number, NOON, 1).answer for one in world.people]
        assert {
            Answer.HUMAN,
            Answer.MACHINE,
            Answer.BUSY,
            Answer.RING_OUT,
            Answer.NOT_FOUND,
        } < set(answers)
        assert 0.15 < answers.count(Answer.HUMAN) / len(answers) < 0.5

    def test_who_answers_follows_the_chance_it_tells(self) -> None:
        world = PracticeWorld(size=300)
        hours = [NOON + timedelta(hours=h) for h in range(24)]
        right = [one for one in world.people if not one.wrong_number]
        expected = sum(world.chance(one, at) for one in right for at in hours)
        met = sum(
            world.meet(one.number, at, 1).answer is Answer.HUMAN for one in right for at in hours
        )
        assert met == pytest.approx(expected, rel=0.06)

    def test_a_second_call_finds_people_more_willing(self) -> None:
        world = PracticeWorld(size=1000)

        def reached(attempt: int) -> int:
            return sum(
                world.meet(one.number, NOON, attempt).answer is Answer.HUMAN for one in world.people
            )

        assert reached(3) > reached(1)

    def test_a_wrong_number_is_never_right_and_a_stranger_is_not_found(self) -> None:
        world = PracticeWorld()
        wrong = next(one.number for one in world.people if one.wrong_number)
        for attempt in range(1, 5):
            assert world.meet(wrong, NOON, attempt).answer is Answer.NOT_FOUND
        assert world.meet("+442079460999", NOON, 1).answer is Answer.NOT_FOUND

    def test_agents_are_those_of_the_table(self) -> None:
        assert PracticeWorld().meet("agent1", NOON, 1) == suffix_world().meet("agent1", NOON, 1)

    def test_people_have_real_numbers_of_their_own(self) -> None:
        people = PracticeWorld(size=2000).people
        assert len({one.number for one in people}) == 2000
        assert all(phonenumbers.is_valid_number(phonenumbers.parse(p.number)) for p in people)

    @pytest.mark.parametrize("size", [0, 2001])
    def test_its_size_has_limits(self, size: int) -> None:
        with pytest.raises(ValueError, match="has 1 to 2000 people"):
            PracticeWorld(size=size)
