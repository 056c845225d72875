"""Programs with texts in them that try to get out of their quotes: no more than texts."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assistants.models import Project
from playground.samples import sample
from tests.factories import make_assistant, make_run, make_thread

ADDRESS = "http://127.0.0.1:8000/v1"
HOSTILE = [
    "' \" ''' \"\"\" \\' \\\" \\",
    "$(touch hit) `touch hit` ${process.exit()} $HOME !! {name}",
    "'; touch hit; '",
    '"); process.exit(1); ("',
    '")\nraise SystemExit(1)\n("',
    "first\nEOF\n# last\r\n\t\u2028\u2029\x7f",
    "*/ // </script> {{ outputs }} {% now %} &amp;",
    "天氣 \U0001f327 \x1b[2J",
    "long " * 100,
    "",
]
FUNCTION = "look"


@pytest.fixture
def programs(project: Project) -> dict[str, str]:
    """Of a thread whose function was answered with such texts, in each language."""
    function = {"type": "function", "function": {"name": FUNCTION}}
    assistant = make_assistant(project, tools=[function])
    thread = make_thread(project, *HOSTILE[:-1])
    run = make_run(thread, assistant)
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {
            "name": FUNCTION, "arguments": "{}", "output": text,
        }}
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    run.steps.create(type="tool_calls", step_details={"type": "tool_calls", "tool_calls": calls})
    return {name: sample(name, assistant, thread, ADDRESS) for name in ("python", "node", "curl")}


def told(*command: str, folder: Path) -> Any:
    """What a program says, as JSON."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60)
    return json.loads(ended.stdout)


def checked(text: str, file: Path, *command: str) -> str:
    """The program, whose language finds nothing wrong with it."""
    file.write_text(text, encoding="utf-8")
    subprocess.run([*command, str(file)], check=True, capture_output=True, timeout=60)
    return text


def test_python_reads_what_was_answered_and_said(programs: dict[str, str], tmp_path: Path) -> None:
    check = [sys.executable, "-m", "py_compile"]
    tree = ast.parse(checked(programs["python"], tmp_path / "sample.py", *check))
    (outputs,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "outputs"
    ]
    assert ast.literal_eval(outputs) == {FUNCTION: HOSTILE}
    said = [
        ast.literal_eval(one.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("messages.create")
        for one in node.keywords
        if one.arg == "content"
    ]
    assert said == HOSTILE[:-1]


def test_node_reads_what_was_answered(programs: dict[str, str], tmp_path: Path) -> None:
    program = checked(programs["node"], tmp_path / "sample.mjs", "node", "--check")
    (outputs,) = re.findall(r"^const outputs = .*?;$(?=\n\n)", program, re.DOTALL | re.MULTILINE)
    script = tmp_path / "outputs.mjs"
    script.write_text(f"{outputs}\nconsole.log(JSON.stringify(outputs));", encoding="utf-8")
    assert told("node", str(script), folder=tmp_path) == {FUNCTION: HOSTILE}


def test_a_shell_reads_what_was_answered_and_does_nothing_else(
    programs: dict[str, str], tmp_path: Path
) -> None:
    program = checked(programs["curl"], tmp_path / "sample.sh", "bash", "-n")
    begin, end = program.index("\noutputs="), program.index("\n# Answers the calls of the run")
    script = tmp_path / "outputs.sh"
    script.write_text(f'{program[begin:end]}\nprintf %s "$outputs"\n', encoding="utf-8")
    assert told("bash", str(script), folder=tmp_path) == {FUNCTION: HOSTILE}
    assert not (tmp_path / "hit").exists()
