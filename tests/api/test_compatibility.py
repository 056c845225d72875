"""``docs/compatibility.md`` names every operation that there is, and no other."""

import re
from pathlib import Path

from django.conf import settings

from assistants.api.urls import api

PAGE = (Path(settings.BASE_DIR) / "docs" / "compatibility.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([A-Z]+) (/\S+)` \| .+ \|$", PAGE, re.MULTILINE)


def test_what_is_said_to_be_served_is_what_there_is() -> None:
    paths = api.get_openapi_schema(path_prefix="/")["paths"]
    assert set(ROWS) == {(method.upper(), path) for path in paths for method in paths[path]}
