"""Runs code for the tests of the demo model, in the Python of the sandbox but without its walls.

As a program (by the sandbox's Python): reads requests from standard input, a JSON object a line
with `code` and `folder`, runs each in a fork of a process that has the large libraries loaded, and
writes `{"answer": ...}`: the text that the code interpreter would give the model.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import traceback
from pathlib import Path


def run(code: str, folder: str) -> str:
    """What the code prints and raises, then a line per figure and per new file."""
    plt = importlib.import_module("matplotlib.pyplot")
    before = set(Path(folder).iterdir())
    shown = 0
    printed = io.StringIO()

    def show() -> None:
        nonlocal shown
        for number in plt.get_fignums():
            figure = plt.figure(number)
            figure.savefig(Path(folder, f".figure-{shown}.png"))
            shown += 1
        plt.close("all")

    setattr(plt, "show", show)  # noqa: B010 - a module's attribute, unknown to the type checker
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            exec(compile(code.replace("/mnt/data", folder), "<cell>", "exec"), {})
        except BaseException:
            traceback.print_exc()
    lines = [printed.getvalue().rstrip("\n").replace(folder, "/mnt/data")]
    lines += [f"[image shown to the user: figure-{number}.png]" for number in range(shown)]
    new = sorted(path.name for path in set(Path(folder).iterdir()) - before)
    lines += [f"[file saved: /mnt/data/{name}]" for name in new if not name.startswith(".")]
    return "\n".join(line for line in lines if line) or "(no output)"


def serve() -> None:
    importlib.import_module("matplotlib").use("Agg")
    for library in ("matplotlib.pyplot", "numpy", "pandas", "sympy"):
        importlib.import_module(library)
    for line in sys.stdin:
        request = json.loads(line)
        reading, writing = os.pipe()
        if os.fork() == 0:
            answer = json.dumps({"answer": run(request["code"], request["folder"])})
            with os.fdopen(writing, "w") as pipe:
                pipe.write(answer)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            print(pipe.read(), flush=True)
        os.wait()


if __name__ == "__main__":
    serve()
