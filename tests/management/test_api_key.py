"""``manage.py api_key``."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from assistants.models import ApiKey
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def made(*arguments: str) -> ApiKey:
    out = StringIO()
    call_command("api_key", *arguments, stdout=out)
    key = ApiKey.objects.of_secret(out.getvalue().strip())
    assert key is not None
    return key


def test_a_key_opens_everything_of_the_first_project_for_ever() -> None:
    project = make_project()
    make_project("Second")
    key = made("notebook")
    assert (key.name, key.scope, key.expires_at, key.project) == ("notebook", "all", None, project)


def test_a_key_can_be_for_less_for_a_while_and_for_another_project() -> None:
    make_project()
    second = make_project("Second")
    key = made("bot", "--scope", "runs", "--expires-days", "90", "--project", "Second")
    assert (key.scope, key.project) == ("runs", second)
    assert key.expires_at
    assert (key.expires_at - key.created_at).days in (89, 90)
    assert made("bot", "--project", second.id).project == second


def test_what_cannot_be_is_said() -> None:
    make_project("Twice")
    make_project("Twice")
    for arguments, said in (
        (("x", "--project", "Nowhere"), "There is no project Nowhere."),
        (("x", "--project", "Twice"), "Several projects"),
        (("x", "--expires-days", "0"), "A key expires after 1 to 3650 days"),
        ((" ",), "A key needs a name"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("api_key", *arguments)
