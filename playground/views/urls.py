"""The addresses of the studio's pages."""

from django.urls import path
from django.views.i18n import set_language

from playground.views import (
    assistant_copies,
    assistants,
    files,
    home,
    inspector,
    messages,
    preferences,
    providers,
    session,
    settings,
    styleguide,
    threads,
    vector_stores,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("login", session.login, name="login"),
    path("logout", session.logout, name="logout"),
    path("theme", preferences.theme, name="theme"),
    path("language", set_language, name="set_language"),
    path("assistants", assistants.index, name="assistants"),
    path("assistants/new", assistants.new, name="assistant-new"),
    path("assistants/import", assistant_copies.import_, name="assistant-import"),
    path("assistants/<str:assistant_id>", assistants.edit, name="assistant"),
    path("assistants/<str:assistant_id>/delete", assistants.delete, name="assistant-delete"),
    path(
        "assistants/<str:assistant_id>/instructions",
        assistants.instructions,
        name="assistant-instructions",
    ),
    path("assistants/<str:assistant_id>/export", assistant_copies.export, name="assistant-export"),
    path(
        "assistants/<str:assistant_id>/duplicate",
        assistant_copies.duplicate,
        name="assistant-duplicate",
    ),
    path(
        "assistants/<str:assistant_id>/searched", assistants.searched_files, name="searched-files"
    ),
    path("assistants/<str:assistant_id>/inspect", inspector.inspect_new, name="inspect-new"),
    path("threads", threads.index, name="threads"),
    path("threads/new", threads.new, name="thread-new"),
    path("threads/begin", messages.begin, name="thread-create"),
    path("threads/<str:thread_id>", threads.show, name="thread"),
    path("threads/<str:thread_id>/earlier", threads.earlier, name="thread-earlier"),
    path("threads/<str:thread_id>/rename", threads.rename, name="thread-rename"),
    path("threads/<str:thread_id>/delete", threads.delete, name="thread-delete"),
    path("threads/<str:thread_id>/stream", threads.events, name="thread-events"),
    path("threads/<str:thread_id>/messages", messages.create, name="thread-messages"),
    path(
        "threads/<str:thread_id>/messages/<str:message_id>/text",
        messages.text,
        name="message-text",
    ),
    path(
        "threads/<str:thread_id>/messages/<str:message_id>/edit",
        messages.edit,
        name="message-edit",
    ),
    path(
        "threads/<str:thread_id>/messages/<str:message_id>/delete",
        messages.delete,
        name="message-delete",
    ),
    path("threads/<str:thread_id>/runs/<str:run_id>/cancel", messages.cancel, name="run-cancel"),
    path(
        "threads/<str:thread_id>/runs/<str:run_id>/outputs",
        messages.submit_outputs,
        name="run-outputs",
    ),
    path(
        "threads/<str:thread_id>/runs/<str:run_id>/regenerate",
        messages.regenerate,
        name="run-regenerate",
    ),
    path("threads/<str:thread_id>/inspect", inspector.inspect, name="inspect"),
    path("threads/<str:thread_id>/events", inspector.newer_events, name="inspect-events"),
    path("objects/<str:object_id>", inspector.raw, name="inspect-raw"),
    path("files", files.index, name="files"),
    path("files/<str:file_id>/content", files.content, name="file-content"),
    path("files/<str:file_id>/text", files.text, name="file-text"),
    path("files/<str:file_id>/delete", files.delete, name="file-delete"),
    path("files/<str:file_id>/discard", files.discard, name="file-discard"),
    path("vector-stores", vector_stores.index, name="vector-stores"),
    path("vector-stores/new", vector_stores.new, name="vector-store-new"),
    path("vector-stores/<str:vector_store_id>", vector_stores.show, name="vector-store"),
    path(
        "vector-stores/<str:vector_store_id>/files", vector_stores.files, name="vector-store-files"
    ),
    path(
        "vector-stores/<str:vector_store_id>/files/<str:file_id>/remove",
        vector_stores.remove,
        name="vector-store-remove",
    ),
    path(
        "vector-stores/<str:vector_store_id>/expiry",
        vector_stores.expiry,
        name="vector-store-expiry",
    ),
    path("vector-stores/<str:vector_store_id>/use", vector_stores.use, name="vector-store-use"),
    path(
        "vector-stores/<str:vector_store_id>/rename",
        vector_stores.rename,
        name="vector-store-rename",
    ),
    path(
        "vector-stores/<str:vector_store_id>/delete",
        vector_stores.delete,
        name="vector-store-delete",
    ),
    path("settings", settings.show, name="settings"),
    path("settings/providers/new", providers.new, name="provider-new"),
    path("settings/providers/<str:provider_id>", providers.edit, name="provider"),
    path("settings/providers/<str:provider_id>/remove", providers.remove, name="provider-remove"),
    path("settings/aliases", settings.set_alias, name="alias-set"),
    path("settings/aliases/delete", settings.delete_alias, name="alias-delete"),
    path("settings/keys", settings.create_key, name="key-create"),
    path("settings/keys/<str:key_id>/revoke", settings.revoke_key, name="key-revoke"),
    path("styleguide/", styleguide.show, name="styleguide"),
    path("health", settings.health_strip, name="health-strip"),
]
