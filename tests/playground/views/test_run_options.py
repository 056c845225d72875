"""The options of a run, looked at as they are filled in."""

import re

from django.test import Client


def test_what_cannot_be_is_said_at_its_field(page: Client) -> None:
    given = {"run-temperature": "9", "run-max_completion_tokens": "many", "run-top_p": "0.5"}
    answer = page.get("/threads/run-limits", given)
    assert answer.status_code == 200
    fields = dict(re.findall(r'<input[^>]+name="run-(\w+)"([^>]+)>', answer.text))
    assert {name for name, rest in fields.items() if "aria-invalid" in rest} == {
        "temperature", "max_completion_tokens",
    }  # fmt: skip
    assert "less than or equal to 2" in answer.text
    assert "Enter a whole number" in answer.text
    assert 'value="0.5"' in fields["top_p"]
    # Beside the message too: the options can be closed before the answer is there.
    (beside,) = re.findall(r'<p[^>]+id="run-options-wrong"[^>]*>.*?</p>', answer.text, re.DOTALL)
    assert "hx-swap-oob" in beside.split(">")[0]
    assert "hidden" not in beside.split(">")[0]
    assert "<strong>Temperature:</strong> Ensure this value is less than or equal to 2." in beside
    assert 'popovertarget="run-options"' in beside


def test_what_is_left_empty_is_as_the_assistant_has_it(page: Client) -> None:
    answer = page.get("/threads/run-limits", {"run-temperature": ""})
    assert "aria-invalid" not in answer.text
    assert re.search(r'<p[^>]+id="run-options-wrong"[^>]+hidden', answer.text)
