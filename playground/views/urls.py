"""The addresses of the studio's pages."""

from django.urls import path

from playground.views import files

urlpatterns = [
    path("files/<str:file_id>/content", files.content, name="file-content"),
]
