"""OpenAI's package for Node, against the whole product: every operation once."""

import os
import subprocess

from tests.stack import ROOT, Stack


def test_every_operation_answers_the_package_for_node(stack: Stack) -> None:
    told = subprocess.run(
        ["node", "--no-deprecation", "tests/node/every_operation.mjs"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "OPENAI_BASE_URL": f"{stack.url}/v1",
            "OPENAI_API_KEY": stack.api_key,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout == "every operation answered\n"
