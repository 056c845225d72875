"""``docs/compatibility.md`` says of every operation whether it is served, and says the truth."""

import re
from pathlib import Path

import httpx2
import pytest
from django.conf import settings

from assistants.api.urls import api

PAGE = (Path(settings.BASE_DIR) / "docs" / "compatibility.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Z]+) (/\S+)` \| (.+) \|$", PAGE, re.MULTILINE)
MISSING = [(method, path, int(said[-3:])) for method, path, said in ROWS if "not served" in said]


def test_what_is_said_to_be_served_is_what_there_is() -> None:
    served = {(method, path) for method, path, said in ROWS if "not served" not in said}
    paths = api.get_openapi_schema(path_prefix="/")["paths"]
    assert served == {(method.upper(), path) for path in paths for method in paths[path]}


@pytest.mark.parametrize("method, path, status", MISSING)
def test_what_is_not_served_is_refused_in_the_envelope(
    http: httpx2.Client, method: str, path: str, status: int
) -> None:
    response = http.request(method, "/v1" + re.sub(r"\{\w+\}", "x", path))
    assert response.status_code == status
    assert list(response.json()) == ["error"]
