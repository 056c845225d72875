"""Every address of the server: health, the API, the pages."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from playground.views.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [path("healthz", healthz, name="healthz")]

if find_spec("assistants.api") and find_spec("assistants.api.urls"):
    urlpatterns.append(path("", include("assistants.api.urls")))
if find_spec("playground.views.urls"):
    urlpatterns.append(path("", include("playground.views.urls")))
