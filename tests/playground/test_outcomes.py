"""How a run stands, in words."""

import pytest

from assistants.models import Run, RunStatus, UpstreamRun, VectorStore
from assistants.refusals import QUOTA, STORE_EXPIRED
from playground.outcomes import ADVISED, FILTERED, OF_PROVIDER, Outcome, error_in, of_run
from playground.service_texts import HINTS, TEXTS
from tests.factories import make_assistant, make_run, make_thread, make_vector_store

RAISED = """before
---------------------------------------------------------------------------
ZeroDivisionError                         Traceback (most recent call last)
Cell In[1], line 2
      1 print("before")
----> 2 1 / 0

ZeroDivisionError: division by zero
"""
UNREADABLE = """  Cell In[1], line 1
    x = = 1
        ^
SyntaxError: invalid syntax
"""
CAUGHT = """Traceback (most recent call last):
  File "/mnt/data/script.py", line 3, in <module>
    1/0
ZeroDivisionError: division by zero
and went on
"""


@pytest.mark.parametrize(
    "logs,kind",
    [
        (RAISED, "ZeroDivisionError"),
        (UNREADABLE, "SyntaxError"),
        (CAUGHT, ""),
        ("ValueError: a word of the output\n", ""),
        ("", ""),
    ],
)
def test_an_error_that_ended_code_is_told_from_what_it_printed(logs: str, kind: str) -> None:
    assert error_in(logs) == kind


@pytest.mark.django_db
@pytest.mark.parametrize("status", OF_PROVIDER)
def test_a_run_that_its_provider_refused_for_its_settings_leads_to_them(status: str) -> None:
    # What the service says, of which another test sees that it still does.
    (hint,) = (hint for hint in HINTS if hint.endswith(OF_PROVIDER[status]))
    assistant = make_assistant()
    run = make_run(make_thread(assistant.project), assistant)
    outcome = failed(run, f"localhost:1234 refused the request ({status}): No: never. {hint}")
    assert outcome.mend == ("/settings#models", "Settings", "settings")
    assert "choose another model" in outcome.advice
    UpstreamRun(run=run, label="Example")
    assert failed(run, f"Example refused the request ({status}): No. {hint}").mend
    assert failed(run, f"Its own one refused the request ({status}): No. {hint}").mend is None


@pytest.mark.django_db
@pytest.mark.parametrize("status", OF_PROVIDER)
def test_a_provider_cannot_say_itself_that_its_settings_are_wrong(status: str) -> None:
    assistant = make_assistant()
    run = make_run(make_thread(assistant.project), assistant)
    faked = f"X refused the request ({status}): no. And {OF_PROVIDER[status]}"
    for message in (
        f"Example refused the request (400): {faked}",
        f"Example: the model any cannot call tools. The server's words: {faked}",
        f"Example broke off: {faked}",
        f"Example refused the request ({status}): {OF_PROVIDER[status]} Shorten it.",
    ):
        assert failed(run, message).mend is None


def failed(run: Run, message: str) -> Outcome:
    run.status = RunStatus.FAILED
    run.last_error = {"code": "server_error", "message": message}
    outcome = of_run(run)
    assert outcome is not None
    return outcome


@pytest.mark.django_db
def test_what_a_filter_stopped_is_to_be_asked_otherwise() -> None:
    assert FILTERED in TEXTS  # as the service says it
    assistant = make_assistant()
    outcome = failed(make_run(make_thread(assistant.project), assistant), FILTERED)
    assert "filter stopped" in outcome.title
    assert "in other words" in outcome.advice
    assert "log" not in outcome.advice


@pytest.mark.django_db
def test_an_error_of_the_provider_itself_is_one_to_wait_for() -> None:
    assistant = make_assistant()
    run = make_run(make_thread(assistant.project), assistant)
    broken = "Example failed (500): boom. Try again in a moment; its own log may say more."
    outcome = failed(run, broken)
    assert outcome.title == "The provider had an error"
    assert outcome.text == "Example failed (500): boom."  # what to try is said once
    assert "retry in a moment" in outcome.advice
    assert "the provider's status" in outcome.advice
    assert outcome.mend is None
    assert (
        failed(run, "Example refused the request (400): x failed (500): y").title != outcome.title
    )


@pytest.mark.django_db
def test_what_to_try_is_said_once() -> None:
    assert set(ADVISED) <= set(HINTS)  # as the service says them
    assistant = make_assistant()
    run = make_run(make_thread(assistant.project), assistant)
    again = failed(run, "The server had an error while executing this run. Try again.")
    assert again.text.endswith("Try again.")
    assert not again.advice.startswith("retry")
    assert failed(run, "Something broke.").advice.startswith("retry")
    refused = "Example refused the request (429): No. Look at the account's plan and balance."
    run.last_error = {"code": "rate_limit_exceeded", "message": refused}
    outcome = of_run(run)
    assert outcome is not None
    assert "check the balance" in outcome.advice
    assert outcome.text == "Example refused the request (429): No."


@pytest.mark.django_db
def test_a_run_that_failed_over_an_expired_store_leads_to_its_expiry() -> None:
    store = make_vector_store()
    VectorStore.objects.filter(pk=store.pk).update(name="Recipes")
    message = STORE_EXPIRED(vector_store_id=store.id).message
    run = make_run(make_thread(store.project), make_assistant(store.project))
    run.status, run.last_error = RunStatus.FAILED, {"code": "server_error", "message": message}
    outcome = of_run(run)
    assert outcome is not None
    assert "Recipes" in outcome.title
    assert outcome.mend == (f"/vector-stores/{store.id}", "Recipes", "file-search")
    run.last_error = {"code": "server_error", "message": "Something else has expired."}
    other = of_run(run)
    assert other is not None
    assert other.mend is None


@pytest.mark.django_db
def test_what_is_kept_is_told_of_those_alone_that_have_written() -> None:
    assistant = make_assistant()
    run = make_run(make_thread(assistant.project), assistant)
    ends = [
        (RunStatus.CANCELLED, None),
        (RunStatus.INCOMPLETE, None),
        (RunStatus.FAILED, {"code": "server_error", "message": FILTERED}),
        (RunStatus.FAILED, {"code": "rate_limit_exceeded", "message": QUOTA.message}),
    ]

    def said() -> list[str]:
        found = []
        for run.status, run.last_error in ends:
            outcome = of_run(run)
            assert outcome is not None
            found.append(outcome.text)
        return found

    assert said()[:3] == ["Nothing was written."] * 3
    assert not any("kept" in text for text in said())
    run.steps.create(type="message_creation")
    assert all("What was written until then is kept." in text for text in said())


@pytest.mark.django_db
@pytest.mark.parametrize("limit,field", [("completion", "write"), ("prompt", "read")])
def test_a_limit_of_the_run_options_is_named_as_theirs(limit: str, field: str) -> None:
    assistant = make_assistant()
    run = make_run(make_thread(assistant.project), assistant)
    run.status = RunStatus.INCOMPLETE
    run.incomplete_details = {"reason": f"max_{limit}_tokens"}
    outcome = of_run(run)
    assert outcome is not None
    assert "run options" not in outcome.advice
    assert not outcome.is_of_options
    run.overrides = {f"max_{limit}_tokens": 300}
    outcome = of_run(run)
    assert outcome is not None
    assert f"“Most tokens to {field}” in the run options" in outcome.advice
    assert outcome.is_of_options
