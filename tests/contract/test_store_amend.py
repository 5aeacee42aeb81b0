"""What every store does when one callback or contact is changed by a decision about it."""

from dataclasses import replace

import pytest

from gateway.domain.change import Change
from gateway.domain.errors import BadInput, Conflict, NotFound, NotNow
from gateway.domain.machine import CallbackEvent, CallbackState
from gateway.domain.model import Contact, Number
from gateway.domain.records import CallbackView
from gateway.domain.reserve import close_callback
from gateway.ports import Store
from tests.support.builders import NOW, NUMBER, OTHER_NUMBER, a_callback, a_contact, after
from tests.support.stores import entry, one_flight


async def test_a_decision_sees_the_callback_with_all_about_it(store: Store) -> None:
    contact = a_contact(NUMBER, OTHER_NUMBER)
    await store.add([entry(a_callback(), contact=contact)])
    await store.do_not_call(OTHER_NUMBER, "asked for it", NOW)
    await store.do_not_call("+35899", "asked for it", NOW)
    seen: list[CallbackView] = []
    assert await store.amend("callback-1", seen.append) == a_callback()
    listed = frozenset({OTHER_NUMBER})
    assert seen == [CallbackView(callback=a_callback(), contact=contact, do_not_call=listed)]


async def test_a_decision_sees_the_attempts_before_it(store: Store) -> None:
    flight = await one_flight(store)
    seen: list[CallbackView] = []
    await store.amend("callback-1", seen.append)
    assert seen[0].attempts == (flight.attempt,)
    assert seen[0].callback == flight.callback


async def test_the_change_is_applied_and_the_callback_returned_as_it_is_now(store: Store) -> None:
    await store.add([entry(a_callback())])

    def cancel(view: CallbackView) -> Change:
        return close_callback(view.callback, CallbackEvent.CANCEL, "changed her mind", after(1))

    amended = await store.amend("callback-1", cancel)
    history = await store.history("callback-1")
    assert history is not None
    assert amended == history.callback
    assert (amended.state, amended.version) == (CallbackState.CANCELED, 2)
    assert [one.kind for one in history.steps] == ["canceled"]


async def test_what_is_amended_follows_what_was_submitted_before(store: Store) -> None:
    await store.add([entry(a_callback())])
    receipt = store.submit(Change(at=NOW, callback=a_callback(version=2, reason="first")))
    seen: list[CallbackView] = []
    await store.amend("callback-1", seen.append)
    assert (seen[0].callback.reason, seen[0].callback.version) == ("first", 2)
    await receipt


@pytest.mark.parametrize(
    "error",
    [
        NotNow("it is over", remedy="ask anew"),
        BadInput("deadline", "is past"),
        Conflict("version 3 is not 4"),
        ValueError("what a driver might raise too"),
        ZeroDivisionError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_decision_that_raises_changes_nothing_and_is_heard_by_its_caller_alone(
    store: Store, error: Exception
) -> None:
    await store.add([entry(a_callback())])
    before = store.submit(Change(at=NOW, callback=a_callback(version=2)))

    def refuse(view: CallbackView) -> Change:
        raise error

    with pytest.raises(type(error)) as caught:
        await store.amend("callback-1", refuse)
    assert str(caught.value) == str(error)
    await before
    assert (await store.callbacks())[0][0].version == 2
    assert await store.journal_end() == 0


async def test_a_stale_version_is_a_conflict(store: Store) -> None:
    await store.add([entry(a_callback())])
    with pytest.raises(Conflict):
        await store.amend("callback-1", lambda _: Change(at=NOW, callback=a_callback(version=3)))


async def test_a_change_that_no_database_takes_is_refused(store: Store) -> None:
    await store.add([entry(a_callback())])
    timeless = a_callback(version=2, due_at=None)
    with pytest.raises(Conflict):
        await store.amend("callback-1", lambda _: Change(at=NOW, callback=timeless))
    assert (await store.callbacks())[0][0] == a_callback()


async def test_an_unknown_callback_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="no callback callback-9"):
        await store.amend("callback-9", lambda _: None)


# Contacts


async def test_a_contact_is_read_and_changed_by_a_decision(store: Store) -> None:
    contact = await store.add_contact(a_contact(NUMBER))
    assert await store.contact("contact-1") == contact == a_contact(NUMBER)
    numbers = (Number(e164=OTHER_NUMBER), Number(e164=NUMBER, invalid_since=NOW))
    changed = replace(contact, numbers=numbers, name="Kaisa K.", segment="gold")
    assert await store.amend_contact("contact-1", lambda _: changed) == changed
    assert await store.contact("contact-1") == changed
    assert await store.contact("contact-2") is None


async def test_a_contact_keeps_its_id_whatever_is_decided(store: Store) -> None:
    await store.add_contact(a_contact())
    renamed = a_contact(id="contact-2", name="K.")
    assert (await store.amend_contact("contact-1", lambda _: renamed)).id == "contact-1"
    assert await store.contact("contact-2") is None


async def test_a_decision_about_a_contact_may_refuse(store: Store) -> None:
    await store.add_contact(a_contact())

    def refuse(contact: Contact) -> Contact:
        raise BadInput("zone", "is unknown")

    with pytest.raises(BadInput, match="zone"):
        await store.amend_contact("contact-1", refuse)
    with pytest.raises(NotFound):
        await store.amend_contact("contact-2", refuse)
    assert await store.contact("contact-1") == a_contact()


async def test_an_added_contact_with_a_known_first_number_updates_who_has_it(
    store: Store,
) -> None:
    await store.add_contact(a_contact(NUMBER))
    newer = a_contact(NUMBER, OTHER_NUMBER, id="contact-2", name="Kaisa K.")
    assert await store.add_contact(newer) == replace(newer, id="contact-1")
    assert await store.contacts() == [replace(newer, id="contact-1")]
    same = a_contact(OTHER_NUMBER, id="contact-1")
    assert await store.add_contact(same) == same
    assert await store.contacts() == [same]


async def test_contacts_are_listed_newest_first_and_by_any_of_their_numbers(store: Store) -> None:
    people = [a_contact(f"+3584000{n}", NUMBER, id=f"contact-{n}") for n in range(3)]
    people.append(a_contact(OTHER_NUMBER, id="contact-3"))
    for one in people:
        await store.add_contact(one)
    assert await store.contacts() == people[::-1]
    assert await store.contacts(after="contact-2", limit=1) == [people[1]]
    assert await store.contacts(number=NUMBER) == people[2::-1]
    assert await store.contacts(number=NUMBER, after="contact-2") == people[1::-1]
    assert await store.contacts(number="+1") == []


async def test_open_callbacks_are_found_by_contact_and_by_number(store: Store) -> None:
    other = a_contact(OTHER_NUMBER, NUMBER, id="contact-2")
    await store.add(
        [
            entry(a_callback(id="one")),
            entry(a_callback(id="two", queue="sales", state=CallbackState.DIALING, due_at=None)),
            entry(a_callback(id="three", state=CallbackState.DONE, due_at=None)),
            entry(a_callback(id="four", contact_id="contact-2"), contact=other),
        ]
    )

    async def found(**asked: str) -> set[str]:
        return {one.id for one in await store.open_callbacks(**asked)}

    assert await found(contact_id="contact-1") == {"one", "two"}
    assert await found(number=NUMBER) == {"one", "two", "four"}
    assert await found(number=OTHER_NUMBER) == {"four"}
    assert await found(contact_id="contact-1", number=OTHER_NUMBER) == set()
