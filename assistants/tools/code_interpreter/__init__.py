"""The code interpreter: Python kernels, one per session, each in a sandbox of its own.

`client.py` is what the rest of the service uses. Everything else runs in the interpreter process
(`server.py`), which owns the kernels because workers come and go. `docs/interpreter.md` tells how
the pieces fit and where the walls stand.
"""
