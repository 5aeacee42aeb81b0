"""Where a webhook may lead: to the open Internet, however an address is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.addresses import is_public
from adapters.http.messenger import HttpMessenger, Limits
from gateway.domain.errors import BadInput

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "168.63.129.16",  # services of one, on a public address
    "100.100.100.200",  # metadata of another
    "0.0.0.0",  # noqa: S104 -- refused, not bound
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "nonsense",
    "",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_a_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_wrapping_makes_a_private_address_public(address: object) -> None:
    assert not any(is_public(f"{form}{address}") for form in ("", "::", "::ffff:", "64:ff9b::"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://crm.example/hooks", "not https"),
        ("ftp://crm.example/hooks", "not https"),
        ("crm.example/hooks", "not a URL"),
        ("https://", "not a URL"),
        ("https://crm.example:port/", "not a URL"),
        ("https://crm.example/a b", "not a URL"),
        ("https://crm.example/\nHost: other", "not a URL"),
        ("https://" + "a" * 2000, "not a URL"),
        ("https://user:secret@crm.example/", "user or password"),
        ("https://crm.example:22/", "port"),
        ("https://crm.example:0/", "port"),
        ("https://localhost/", "private network"),
        ("https://localhost./", "private network"),
        ("https://metadata.google.internal/", "private network"),
        ("https://127.0.0.1/", "private network"),
        ("https://127.1/", "private network"),
        ("https://2130706433/", "private network"),
        ("https://0x7f000001/", "private network"),
        ("https://0177.0.0.1/", "private network"),
        ("https://[::1]/", "private network"),
        ("https://[::ffff:127.0.0.1]/", "private network"),
        ("https://①②⑦.0.0.1/", "private network"),
    ],
)
async def test_an_unusable_url_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        HttpMessenger(Limits()).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/hooks?token=x",
        "https://crm.example:8443/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]:443/hooks",
        "https://bücher.example/",
        "https://10.example/",
    ],
)
async def test_a_url_of_the_open_internet_is_taken(url: str) -> None:
    HttpMessenger(Limits()).check(url)


async def test_what_is_refused_can_be_allowed_in_the_settings() -> None:
    messenger = HttpMessenger(Limits(allow_http=True, allow_private=True))
    messenger.check("http://127.0.0.1:8080/hooks")
    messenger.check("https://crm.internal/")


async def test_a_refused_url_is_not_told_in_the_refusal() -> None:
    with pytest.raises(BadInput) as refused:
        HttpMessenger(Limits()).check("https://user:secret@crm.example/token")
    assert "secret" not in str(refused.value)
    assert "token" not in str(refused.value).replace("put a token into the path", "")
