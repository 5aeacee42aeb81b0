"""What somebody names on the command line is found by how it begins."""

import pytest

from gateway.cli.lookup import the_webhook
from gateway.lifecycle import Failure

KNOWN = ["wh01a2", "wh01b3", "wh01b3c4"]


@pytest.mark.parametrize(
    ("given", "meant"), [("wh01a", "wh01a2"), ("wh01b3", "wh01b3"), ("wh01b3c", "wh01b3c4")]
)
def test_a_webhook_is_found_by_how_its_id_begins(given: str, meant: str) -> None:
    assert the_webhook(given, KNOWN) == meant


@pytest.mark.parametrize(("given", "told"), [("wh01", "Several webhooks"), ("wx", "is no webhook")])
def test_a_webhook_that_is_not_clear_is_refused_with_a_remedy(given: str, told: str) -> None:
    with pytest.raises(Failure, match=told) as failure:
        the_webhook(given, KNOWN)
    assert failure.value.remedy
