"""A disk that is full for a while: everybody is told, nothing is lost, and then all goes on."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from openai import InternalServerError, OpenAI

from tests.chat_server import text
from tests.runs import begin, ended, healthy
from tests.stack import Stack
from tests.until import until

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a small disk takes a mount, so it takes root"),
]

DISK_MIB = 96
FULL = "The server's disk is full, so nothing of this request was kept."


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Write until not one byte more fits."""
    descriptor = os.open(ballast, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for size in (2**16, 2**12, 1):
        try:
            while True:
                os.write(descriptor, b"x" * size)
        except OSError:
            continue
    os.close(descriptor)


@pytest.mark.sqlite
@pytest.mark.timeout(180)
def test_a_full_disk_is_told_and_loses_nothing(disk: Path) -> None:
    with (
        Stack(disk) as stack,
        OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0) as client,
    ):
        stack.chat.when("slowly", [text("word " * 120, rate=40)])
        thread_id, assistant_id, run_id = begin(client, "slowly")
        stack.chat.wait(1)
        time.sleep(0.5)
        kept = client.beta.threads.create(messages=[{"role": "user", "content": "before"}])

        worker = stack.pid_of("worker")
        fill(disk / "ballast")
        with pytest.raises(InternalServerError, match=FULL) as refused:
            client.beta.threads.messages.create(kept.id, role="user", content="while it is full")
        assert refused.value.status_code == 503
        with pytest.raises(InternalServerError, match=FULL) as refused:
            client.files.create(file=("a.txt", b"y" * 2**22), purpose="assistants")
        assert refused.value.status_code == 503
        # What there is can be read.
        assert client.beta.threads.retrieve(thread_id).id == thread_id
        health = httpx2.get(f"{stack.url}/healthz")
        assert health.status_code == 503
        assert "full" in health.json()["parts"]["database"]["detail"]
        time.sleep(6)  # the answer ends meanwhile, and cannot be stored

        (disk / "ballast").unlink()
        until(lambda: healthy(stack), "the stack does not recover", 60)
        run = ended(client, thread_id, run_id, seconds=60)
        assert run.status in ("completed", "failed")
        answer, question = client.beta.threads.messages.list(thread_id).data
        assert question.content[0].text.value == "slowly"  # type: ignore[union-attr]
        assert answer.content[0].text.value.startswith("word word")  # type: ignore[union-attr]
        said = [message.content[0] for message in client.beta.threads.messages.list(kept.id).data]
        assert [part.text.value for part in said] == ["before"]  # type: ignore[union-attr]
        assert client.files.list().data == []

        assert stack.pid_of("worker") == worker, "it went on"

        # The thread is free, and everything works again.
        stack.chat.when("again", [text("Here I am.")])
        client.beta.threads.messages.create(thread_id, role="user", content="again")
        again = client.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
        assert ended(client, thread_id, again.id).status == "completed"
        client.files.create(file=("a.txt", b"y" * 2**20), purpose="assistants")
