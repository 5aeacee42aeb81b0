"""The same commands over PostgreSQL: through the service where one runs, else directly."""

from pathlib import Path

import pytest

from tests.integration.service_command import Place

GOOD = "number,name\n+442079460123,Ann\n+442079460124,Bo\n"


@pytest.mark.postgres
def test_postgresql_is_written_directly_and_through_the_service(
    tmp_path: Path, postgres_url: str
) -> None:
    place = Place(tmp_path, database={"url": postgres_url})
    first = place.run("import", str(place.write(GOOD)), "--json")
    assert (first.code, first.json["added"], first.json["how"]) == (0, 2, "written directly")
    with place.start("serve") as service:
        service.until_says("gateway.ready")
        again = place.run("import", str(place.write(GOOD)), "--json")
        assert (again.json["merged"], again.json["how"]) == (2, "through the running service")
        second = place.run("serve")
        assert second.code == 5, second
        assert service.end() == 0
    assert place.run("audit", "--json").json == {"ok": True, "callbacks": 2, "violations": []}
