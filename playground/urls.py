"""Every address of the server: health, the API, the pages."""

from django.urls import URLPattern, URLResolver, include, path

from playground.views.health import healthz, readyz
from playground.views.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", include("assistants.api.urls")),
    path("", include("playground.views.urls")),
]

handler400 = "playground.refusals.bad_request"
handler403 = "playground.refusals.forbidden"
handler404 = "playground.refusals.not_found"
