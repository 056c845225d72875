"""An installation that has something in every table, and what it is looked at with."""

import subprocess
import sys
from pathlib import Path

from tests.stack import ROOT, clean_environment

FILL = r"""
from datetime import timedelta
from django.contrib.auth.models import User
from qsessions.backends.db import SessionStore
from assistants.models import *
from assistants.models import clock
from assistants.operations import aliases, connections, execution, files, ingestion, projects
from assistants.operations import shares, steps
from assistants.operations.connections import Connection
from assistants.retrieval.reader import Reader
from tests.factories import *

project, other = make_project(), make_project("Ünother")
user = User.objects.create_user("ada", password="x")
projects.add_member(project, user.pk, Role.OWNER)
from axes.models import AccessAttempt
from assistants.operations import members
members.invite(project, Role.EDITOR, email="mei@example.com")
Identity.objects.create(user=user, issuer="https://id.example.com", subject="1")
AccessAttempt.objects.create(
    username="ada", ip_address="192.0.2.1", user_agent="x", failures_since_start=1
)
session = SessionStore()
session["a"] = "b"
session.save()
projects.create_api_key(project, "notebook")
aliases.set_alias(project, "mine", "demo")
connections.connect(project, Connection("openai", "Mine", "http://127.0.0.1:9/v1", "sk-x"))
parameters = {"type": "object", "properties": {"zebra": {}, "b": {"type": "number"}, "ah": {}}}
function = {"type": "function", "function": {"name": "f", "parameters": parameters}}
for number in range(450):
    make_assistant(other if number % 2 else project, name=f"Nº {number}", tools=[function])
assistant = make_assistant(temperature=0.1 + 0.2, metadata={"zz": "1", "a": "\U0001f600"})
thread = make_thread(project, "Größe?", "second")
shares.create(thread, shares.Options(Audience.PEOPLE, people=("ada",)))
run = make_run(thread, assistant)
held = execution.claim(run.pk)
step, message = steps.begin_message(held)
content = [{"type": "text", "text": {"value": "It is 3.", "annotations": []}}]
usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
steps.finish_message(held, step, message, content, usage)
execution.complete(held)
make_run(make_thread(other, "waits"), make_assistant(other))
store = make_vector_store(project, "bread and salt", "wine")
make_vector_store(other)
grabbed = ingestion.grab()
reader = Reader()
ingestion.ingest(grabbed, reader, lambda: False)
reader.close()
make_vector_store(project, "not ingested")
gone = make_file(content="gone")
files.delete(gone)
team = connections.connect(project, Connection("assistants", "T", "http://127.0.0.1:9/v1", "sk-y"))
UpstreamAssistant.objects.create(assistant=assistant, provider=team, upstream_id="asst_there")
mirror = UpstreamThread.objects.create(thread=thread, provider=team, upstream_id="thread_there")
UpstreamMessage.objects.create(mirror=mirror, message_id=message.id, upstream_id="msg_there")
UpstreamRun.objects.create(run=run, provider=team, label="T", assistant_upstream_id="asst_there")
UpstreamFile.objects.create(provider=team, file=make_file(), upstream_id="file-there")
UpstreamStore.objects.create(provider=team, store=store, upstream_id="vs_there")
job = UpstreamImport.objects.create(project=project, provider=team, label="T")
item = ImportItem.objects.create(job=job, noun="thread", upstream_id="thread_there")
item.pages.create(noun="message", objects_told=[{"id": "msg_there"}])
Leftover.objects.create(vector_store_id="vs_gone", store_file=10**12)
LeftContent.objects.create(key="proj_gone/file-gone")
Thread.objects.filter(pk=thread.pk).update(opening="nu\0ll")
"""

DUMP = r"""
import json
from django.apps import apps
def plain(value):
    return value.isoformat() if hasattr(value, "isoformat") else value
print(json.dumps({
    model._meta.db_table: sorted(
        json.dumps([plain(getattr(row, field.attname)) for field in model._meta.concrete_fields])
        for row in model._base_manager.all()
    )
    for model in apps.get_models(include_auto_created=True)
}))
"""

GO_ON = r"""
from assistants.models import *
from assistants.operations import search
from tests.factories import *
project = make_project()
make_vector_store(project, "more")
store = VectorStore.objects.filter(project=project).oldest_first().first()
found = search.search(project, [store.id], ["salt"])
print([hit.text for hit in found])
"""


class Installation:
    """What ``make run`` leaves behind in its folder, without its processes."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.environment = clean_environment() | {"DATA_DIR": str(folder), "REDIS_URL": redis_url}

    def manage(self, *arguments: str, given: str = "", **environment: str) -> str:
        """What a command prints."""
        done = self.tried(*arguments, given=given, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(
        self, *arguments: str, given: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, code: str, **environment: str) -> str:
        return self.manage("shell", "--no-imports", given=code, **environment)
