"""A small world in which everybody calls every address: one of everything in one project, its
members, and those who have no business there.
"""

from dataclasses import dataclass
from io import BytesIO

from django.contrib.auth.models import User
from django.test import Client

from assistants.models import Project, Role, RunStep, StepStatus
from assistants.operations import (
    connections,
    file_batches,
    files,
    members,
    projects,
    runs,
    shares,
    upstream_imports,
)
from assistants.operations.connections import Connection
from assistants.operations.shares import Options
from assistants.params import FileBatchCreate
from tests.factories import make_assistant, make_project, make_run, make_thread, make_vector_store

MEMBERS = ("owner", "editor", "viewer")
STRANGERS = ("stranger", "signed_out", "live_link", "revoked_link", "own_key", "other_key")
CALLERS = (*MEMBERS, *STRANGERS)


@dataclass(frozen=True)
class World:
    """
    :param ids: one object of each kind, by the names that addresses have for them
    :param elsewhere: the same of another project
    :param callers: a browser, or a program with a key, of each who calls
    """

    ids: dict[str, str]
    elsewhere: dict[str, str]
    callers: dict[str, Client]
    project: Project


def make_world() -> World:
    project, other = make_project(), make_project("Elsewhere")
    ids, elsewhere = one_of_everything(project), one_of_everything(other)
    callers = {role: signed_in(project, Role(role)) for role in MEMBERS}
    callers["stranger"] = signed_in(other, Role.OWNER, "stranger")
    callers["signed_out"] = Client()
    callers["live_link"] = Client()
    callers["revoked_link"] = Client()
    callers["own_key"] = with_key(project)
    callers["other_key"] = with_key(other)
    return World(ids, elsewhere, callers, project)


def signed_in(project: Project, role: Role, name: str = "") -> Client:
    user = User.objects.create_user(name or role.value)
    projects.add_member(project, user.pk, role)
    client = Client()
    client.force_login(user)
    return client


def with_key(project: Project) -> Client:
    _key, secret = projects.create_api_key(project, "a program")
    return Client(headers={"Authorization": f"Bearer {secret}"})


def one_of_everything(project: Project) -> dict[str, str]:
    content = BytesIO(b"a,b\n1,2\n")
    file = files.create(project, content, filename="a.txt", purpose="assistants")
    assistant = make_assistant(project, name="Plotter", tools=[{"type": "code_interpreter"}])
    store = make_vector_store(project)
    batch = file_batches.create(store, FileBatchCreate(file_ids=[file.id]))
    thread = make_thread(project, "Hello")
    run = make_run(thread, assistant)
    step = RunStep.objects.create(
        run=run,
        type="message_creation",
        status=StepStatus.COMPLETED,
        step_details={"type": "message_creation", "message_creation": {"message_id": "msg_1"}},
    )
    runs.cancel(run)
    share, token = shares.create(thread, Options(live=True, may_copy=True))
    revoked, revoked_token = shares.create(thread, Options())
    shares.revoke(revoked)
    invitation, secret = members.invite(project, Role.EDITOR)
    member = User.objects.create_user(f"member of {project.id}")
    projects.add_member(project, member.pk, Role.EDITOR)
    team = Connection("assistants", "Team", "http://127.0.0.1:9/v1", "key")
    upstream = connections.connect(project, team)
    job = upstream_imports.begin(upstream, assistants=True, vector_stores=False, thread_ids=[])
    azure = Connection("azure", "Azure", "https://x.example", "key", "1", ({"name": "gpt"},))
    return {
        "assistant_id": assistant.id,
        "thread_id": thread.id,
        "message_id": thread.messages.get().id,
        "run_id": run.id,
        "step_id": step.id,
        "file_id": file.id,
        "vector_store_id": store.id,
        "batch_id": batch.id,
        "key_id": projects.create_api_key(project, "Notebook")[0].id,
        "object_id": thread.id,
        "provider_id": connections.connect(project, azure).id,
        "model": "demo",
        "project_id": project.id,
        "user_id": str(member.pk),
        "invitation_id": invitation.id,
        "secret": secret,
        "share_id": share.id,
        "token": token,
        "revoked_token": revoked_token,
        "upstream_id": upstream.id,
        "import_id": job.id,
    }
