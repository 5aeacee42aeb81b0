"""Rights and event filters as manager.conf has them."""

import pytest

from adapters.lab.simpbx.users import (
    ALL,
    CALL,
    DIALPLAN,
    SYSTEM,
    EventFilter,
    lab_users,
    privilege,
    rights,
    users_from_conf,
)

CONF = """
[general]
enabled=yes
[plain]
secret=one ; a remark
read=call,system
write=originate
allowmultiplelogin=no
[picky]
secret=@SECRET@
read=all
eventfilter(action(include),name(VarSet),header(Variable),method(exact)) = AMDSTATUS
eventfilter(action(include),name(DeviceStateChange),header(Device),method(starts_with)) = PJSIP/a
eventfilter(action(include),name(Hangup)) =
eventfilter(action(exclude),header(Context),method(contains)) = secret
"""


def test_reads_users_with_their_rights() -> None:
    users = users_from_conf(CONF, {"SECRET": "two"})
    assert sorted(users) == ["picky", "plain"]
    plain = users["plain"]
    assert (plain.secret, plain.read, plain.multiple) == ("one", CALL | SYSTEM, False)
    assert users["picky"].secret == "two"
    assert users["picky"].read == ALL


@pytest.mark.parametrize(
    ("name", "body", "seen"),
    [
        ("VarSet", "Variable: AMDSTATUS\r\n", True),
        ("VarSet", "Variable: AMDSTATUSES\r\n", False),
        ("VarSet", "X: AMDSTATUS\r\n", False),
        ("DeviceStateChange", "Device: PJSIP/agent1\r\n", True),
        ("DeviceStateChange", "Device: PJSIP/lab\r\n", False),
        ("Hangup", "Context: open\r\n", True),
        ("Hangup", "Context: a secret one\r\n", False),
        ("Newchannel", "", False),
    ],
)
def test_filters_include_first_and_exclude_then(name: str, body: str, seen: bool) -> None:
    picky = users_from_conf(CONF, {"SECRET": "two"})["picky"]
    assert picky.may_see(name, body) is seen


def test_knows_the_old_filters_which_look_at_the_whole_event() -> None:
    assert EventFilter.parse("", "Event: Hang").matches("Hangup", "")
    assert EventFilter.parse("", "!Cause: 1[67]") == EventFilter(
        exclude=True, method="regex", pattern="Cause: 1[67]"
    )


def test_refuses_a_filter_method_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="sounds_like"):
        EventFilter.parse("name(Hangup),method(sounds_like)", "x")


def test_users_of_the_lab_are_those_of_its_own_manager_conf() -> None:
    users = lab_users("gateway", "s1", "s2")
    assert sorted(users) == ["gateway", "observer"]
    assert users["gateway"].could_see("Newstate")
    assert not users["gateway"].could_see("Newchannel")
    assert users["observer"].could_see("Newchannel")
    assert not users["gateway"].read & rights("security")


def test_writes_privileges_as_asterisk_does() -> None:
    assert privilege(CALL) == "call,all"
    assert privilege(DIALPLAN) == "dialplan,all"
