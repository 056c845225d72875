"""The pages on PostgreSQL too. A file of its own, so that two processes share it with the other."""

import pytest

from tests.test_postgresql import passed_on_postgresql

# Left out is what asks every page for every kind of person, and what shows parts of pages alone.
PARTS = [
    "tests/playground/views",
    "--ignore=tests/playground/views/test_access.py",
    "--ignore=tests/playground/views/test_pages.py",
    "--ignore=tests/playground/views/test_styleguide.py",
    "tests/playground/test_access.py",
    "tests/playground/test_login.py",
    "tests/playground/test_throttle.py",
    "tests/management/test_api_key.py",
    "tests/management/test_createowner.py",
    "tests/management/test_login.py",
]


@pytest.mark.sqlite  # it starts the other
@pytest.mark.timeout(600)
def test_pages_are_the_same_on_postgresql() -> None:
    assert passed_on_postgresql(PARTS) > 350
