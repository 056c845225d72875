"""The styleguide: it has every part, and changes nothing."""

import re
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from assistants.models import Project, RunStatus

TEMPLATES = Path(settings.BASE_DIR) / "templates"

CARRIERS = {
    "shared/_title.html",
    "assistants/_searched_files.html",
    "threads/_earlier_page.html",
    "threads/_stream.html",
    "threads/_title.html",
}
"""They bring other parts to the page, or what scripts read; there is nothing to see in them."""


def test_it_shows_every_part_of_the_pages(project: Project, page: Client) -> None:
    response = page.get("/styleguide/")
    assert response.status_code == 200
    shown = {template.name for template in response.templates}
    parts = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("_*.html")}
    assert parts - shown == CARRIERS


def test_it_shows_every_status_of_a_run(project: Project, page: Client) -> None:
    html = page.get("/styleguide/").content.decode()
    for status in RunStatus.values:
        assert f'data-status="{status}"' in html


def test_nothing_in_it_can_be_sent_and_nothing_is_written(project: Project, page: Client) -> None:
    page.get("/styleguide/")  # the first view of a session may write that
    with CaptureQueriesContext(connection) as queries:
        html = page.get("/styleguide/").content.decode()
    assert [one["sql"] for one in queries if not one["sql"].startswith("SELECT")] == []
    main = html.partition("<main")[2].partition("</main>")[0].partition("<nav")[2]
    for sends in (
        " action=",
        " formaction=",
        " hx-",
        "data-upload",
        "data-autosave",
        "data-discard",
        'method="post',
    ):
        assert sends not in main, sends


def test_its_ids_are_each_there_once(project: Project, page: Client) -> None:
    html = page.get("/styleguide/").content.decode()
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), sorted(one for one in ids if ids.count(one) > 1)[:10]
