"""The programs that "Code" shows: they have to run as they are."""

import subprocess
import sys
from pathlib import Path

import pytest

from assistants.models import Assistant
from playground.samples import sample
from tests.stack import Stack

PROMPTS = ["What is 6 * 7?", 'Say "it\'s\nfine" & <done>']


@pytest.fixture
def assistant() -> Assistant:
    """One whose every setting has to be quoted with care. It is in no database."""
    return Assistant(
        name='It\'s "quoted"',
        model="demo",
        instructions="First line.\nSecond line with 'quotes', \\ and $HOME.",
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": []}},
        metadata={"key": "a'b"},
        temperature=0.0,
        top_p=0.5,
    )


def run(command: list[str], folder: Path, stack: Stack) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        env={"PLAYGROUND_API_KEY": stack.api_key, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_python_program_runs(stack: Stack, assistant: Assistant, tmp_path: Path) -> None:
    program = tmp_path / "sample.py"
    program.write_text(sample("python", assistant, PROMPTS, f"{stack.url}/v1"))
    said = run([sys.executable, "-W", "ignore", str(program)], tmp_path, stack)
    assert said.splitlines()[:2] == ["completed", "completed"]
    assert "42" in said


def test_the_curl_commands_run(stack: Stack, assistant: Assistant, tmp_path: Path) -> None:
    script = sample("curl", assistant, PROMPTS, f"{stack.url}/v1")
    create, ask = script.split("\n\n")
    made = run(["bash", "-c", create.replace("curl ", "curl -sf ", 1)], tmp_path, stack)
    assert '"name":"It\'s \\"quoted\\""' in made.replace('": ', '":')
    assistant_id = made.partition('"id":')[2].partition('"asst_')[2].partition('"')[0]
    ask = ask.replace(assistant.id, f"asst_{assistant_id}").replace("curl ", "curl -sf ", 1)
    assert "event: thread.run.completed" in run(["bash", "-c", ask], tmp_path, stack)


def test_what_is_as_by_default_is_left_out() -> None:
    plain = Assistant(name="Plain", model="demo", tools=[], temperature=1.0, top_p=1.0)
    text = sample("node", plain, [], "http://127.0.0.1:8000/v1")
    assert 'name: "Plain"' in text
    for name in ("temperature", "top_p", "tools", "metadata", "instructions"):
        assert name not in text
    assert "Create a visualization of a sinewave" in text
