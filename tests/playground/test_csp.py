"""The content security policy."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from playground.csp import POLICY, ContentSecurityPolicyMiddleware


def test_the_policy_starts_from_nothing_and_allows_only_this_server() -> None:
    assert POLICY["default-src"] == "'none'"
    assert POLICY["script-src"] == "'self'"
    assert POLICY["style-src"] == "'self'"
    assert POLICY["img-src"] == "'self'"
    assert POLICY["connect-src"] == "'self'"
    assert POLICY["form-action"] == "'self'"
    assert POLICY["base-uri"] == "'none'"
    assert POLICY["frame-ancestors"] == "'none'"
    everything = " ".join(POLICY.values())
    for weakness in ("unsafe", "*", "http", "data:"):
        assert weakness not in everything


def test_every_answer_carries_it() -> None:
    middleware = ContentSecurityPolicyMiddleware(lambda _: HttpResponse("a page"))
    response = middleware(HttpRequest())
    assert isinstance(response, HttpResponse)
    assert response["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_an_asynchronous_answer_carries_it_too() -> None:
    async def view(_: HttpRequest) -> HttpResponseBase:
        return HttpResponse("a page")

    response = ContentSecurityPolicyMiddleware(view)(HttpRequest())
    assert not isinstance(response, HttpResponseBase)
    assert "default-src 'none'" in (await response).headers["Content-Security-Policy"]


def test_a_policy_that_a_view_has_set_stays() -> None:
    own = HttpResponse(headers={"Content-Security-Policy": "sandbox"})
    response = ContentSecurityPolicyMiddleware(lambda _: own)(HttpRequest())
    assert isinstance(response, HttpResponse)
    assert response["Content-Security-Policy"] == "sandbox"
