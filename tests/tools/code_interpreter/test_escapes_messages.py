"""Lies in the kernel's own messages, whose key the code inside holds, and content that would act
where it is shown.
"""

import base64
import struct
import time
import zlib

import pytest

from tests.tools.code_interpreter.interpreter_process import InterpreterProcess, Session

FORGED = """
kernel = get_ipython().kernel
def send(kind, content, **more):
    parent = more.pop('parent', kernel.get_parent('shell'))
    kernel.session.send(kernel.iopub_socket, kind, content, parent=parent, **more)
def answer(kind, content, **more):
    parent = more.pop('parent', kernel.get_parent('shell'))
    ident = kernel._parent_ident['shell']
    kernel.session.send(kernel.shell_stream, kind, content, parent=parent, ident=ident, **more)
"""
LIES = {
    "a text of another type": """
for content in ({'name': 1, 'text': 5}, {'text': None}, {'text': ['x']}, {}, {'text': {'a': 1}}):
    send('stream', content)
""",
    "an error of another type": """
send('error', {'ename': 1, 'evalue': [], 'traceback': {'a': 1}})
send('error', {'traceback': [1, None]})
""",
    "a picture of another type": """
send('display_data', {'data': [1]}); send('display_data', {'data': {'image/png': 5}})
""",
    "a state of another type": """
send('status', {'execution_state': []}); send('status', {'execution_state': 5}); send('status', {})
""",
    "states that there are not": """
for state in ('dead', 'restarting', 'starting', 'autorestarting', 'terminating', 'busy'):
    send('status', {'execution_state': state})
""",
    "replies of another type": """
answer('execute_reply', {}, parent={'header': {'msg_id': 'x'}})
send('execute_reply', {'status': 5})
""",
    "a kind that there is not": "send('nonsense', {}); send('x' * 100_000, {}); answer('y', {})",
    "a question to the user": """
send('input_request', {'prompt': 'password?', 'password': True})
answer('input_request', {'prompt': 'password?', 'password': True})
""",
    "what another call is said to have printed": """
for call in ('another', '', None, 5, ['x'], {'a': 1}):
    send('stream', {'name': 'stdout', 'text': '<script>'}, parent={'header': {'msg_id': call}})
    send('stream', {'name': 'stdout', 'text': '<script>'}, parent={'msg_id': call})
""",
    "no parent at all": "send('stream', {'text': '<script>'}, parent={})",
    "widgets": """
send('comm_open', {'comm_id': 'x', 'target_name': 'jupyter.widget', 'data': {'state': {}}})
send('comm_msg', {'comm_id': 'x', 'data': {'method': 'update', 'html': '<script>'}})
send('comm_close', {'comm_id': 'x', 'data': {}})
""",
    "buffers": "send('stream', {'text': ''}, buffers=[b'<script>' * 1000] * 10)",
    "what is to be run next": """
answer('execute_input', {'code': 'import os', 'execution_count': 1})
send('execute_input', {'code': '<script>', 'execution_count': 10**30})
answer('complete_reply', {'payload': [{'source': 'set_next_input', 'text': '<script>'}]})
""",
    "that it is shut down": """
send('shutdown_reply', {'restart': True, 'status': 'ok'}); answer('shutdown_reply', {})
""",
    "what was shown before": """
send('update_display_data', {'data': {'text/html': '<script>'}, 'transient': {'display_id': 'x'}})
send('clear_output', {'wait': True})
""",
    "the same message twice": """
message = kernel.session.msg('stream', {'text': ''}, parent=kernel.get_parent('shell'))
frames = kernel.session.serialize(message)
for _ in range(50): kernel.iopub_thread.send_multipart(frames)
""",
    "a signature of another key": """
from jupyter_client.session import Session
other = Session(key=b'another')
message = other.msg('stream', {'text': '<script>'}, parent=kernel.get_parent('shell'))
kernel.iopub_thread.send_multipart(other.serialize(message))
""",
    "numbers that are none": """
send('stream', {'text': float('nan')}); send('display_data', {'data': {'text/plain': 1e400}})
""",
    "images that are none": """
import base64
script = base64.b64encode(b'<script>alert(1)</script>').decode()
send('display_data', {'data': {'image/png': script}})
send('display_data', {'data': {'image/png': '!!!'}})
send('display_data', {'data': {'image/jpeg': script, 'image/png': ['x']}})
""",
    "deep nesting": """
deep = []
for _ in range(400): deep = [deep]
send('stream', {'name': 'stdout', 'text': deep})
""",
    "frames that are no message": """
for frames in ([b''], [b'x'] * 3, [b'<IDS|MSG>'], [b'<IDS|MSG>', b'', b'{', b'{', b'{', b'{'],
               [b'<IDS|MSG>'] * 50, [bytes(1000)] * 8):
    kernel.iopub_thread.send_multipart(list(frames))
""",
}


@pytest.mark.parametrize("name", LIES)
async def test_a_forged_message_changes_nothing(session: Session, name: str) -> None:
    gave = await session.run(FORGED + LIES[name] + "\nprint('TRIED')")

    assert "TRIED" in gave.logs or gave.end.outcome == "error"
    assert gave.images == []
    assert "<script>" not in gave.logs
    assert "<svg" not in gave.logs
    assert gave.end.outcome in ("ok", "error")
    assert (await session.run("print('goes on')")).logs == "goes on\n"


# More than any honest code says. The session may end; the server and others go on.
TOO_MUCH = {
    "states": "for _ in range(30_000): send('status', {'execution_state': 'busy'})",
    "replies": "for _ in range(30_000): answer('execute_reply', {'status': 5}, parent={})",
    "words to nobody": "for _ in range(30_000): send('stream', {'text': 'x'}, parent={})",
    "errors": "for _ in range(30_000): send('error', {'ename': 'x', 'traceback': ['y' * 1000]})",
    "pictures": """
import base64
png = base64.b64encode(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(1000)).decode()
for _ in range(5000): send('display_data', {'data': {'image/png': png}})
""",
    "frames": "for _ in range(30_000): kernel.iopub_thread.send_multipart([b'x'] * 100)",
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_a_flood_of_forged_messages_is_bounded(
    session: Session, shared: Session, process: InterpreterProcess, name: str
) -> None:
    await shared.run("alive = True")
    gave = await session.run(FORGED + TOO_MUCH[name], deadline=10)

    assert len(gave.images) <= 40
    assert len(gave.logs) < 250_000
    assert process.memory("VmRSS") < 200 * 1024  # KiB
    assert (await shared.run("alive")).logs == "True\n"
    assert (await session.run("1 + 1")).logs.endswith("2\n")


async def test_a_message_beyond_all_bounds_costs_the_session_only(
    session: Session, shared: Session
) -> None:
    await shared.run("alive = True")
    gave = await session.run(
        FORGED + "kernel.iopub_thread.send_multipart([bytes(50_000_000)])\n"
        "import time; time.sleep(0.5)\nprint('unheard')",
        deadline=2,
    )

    assert gave.end.outcome in ("ok", "died", "deadline")
    assert "unheard" not in gave.logs
    assert (await shared.run("alive")).logs == "True\n"


async def test_saying_that_a_call_is_over_does_not_keep_the_next_one_from_its_deadline(
    session: Session,
) -> None:
    gave = await session.run(
        FORGED + "send('status', {'execution_state': 'idle'})\n"
        "kernel.session.send(kernel.shell_stream, 'execute_reply', {'status': 'ok'},\n"
        "    parent=kernel.get_parent('shell'), ident=kernel._parent_ident['shell'])\n"
        "import time; time.sleep(30)"
    )
    began = time.monotonic()
    after = await session.run("1", deadline=1)

    assert gave.end.outcome in ("ok", "error", "deadline")
    assert time.monotonic() - began < 8
    assert after.end.outcome in ("ok", "deadline", "died")


# What is displayed, and all that may be seen of it.
SHOWN = {
    "HTML": ("HTML('<script>alert(1)</script>')", "<IPython.core.display.HTML object>"),
    "JavaScript": ("Javascript('alert(1)')", "<IPython.core.display.Javascript object>"),
    "SVG": (
        'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>\')',
        "<IPython.core.display.SVG object>",
    ),
    "Markdown": ("Markdown('[x](javascript:alert(1))')", "<IPython.core.display.Markdown object>"),
    "LaTeX": ("Latex('$\\\\href{javascript:alert(1)}{x}$')", "<IPython.core.display.Latex object>"),
    "a frame": (
        "IFrame('javascript:alert(1)', 9, 9)",
        "<IPython.lib.display.IFrame at 0x",
    ),
    "a video": ("Video('http://127.0.0.1/x')", "<IPython.core.display.Video object>"),
    "JSON": ("JSON({'a': '<script>'})", "<IPython.core.display.JSON object>"),
}


@pytest.mark.parametrize("name", SHOWN)
async def test_only_the_text_of_what_would_act_in_a_page_comes_out(
    shared: Session, name: str
) -> None:
    code, seen = SHOWN[name]
    gave = await shared.run(f"from IPython.display import *\ndisplay({code})")

    assert gave.logs.startswith(seen), gave
    assert "alert" not in gave.logs
    assert gave.images == []


TYPES = {
    "SVG": "image/svg+xml",
    "GIF": "image/gif",
    "WebP": "image/webp",
    "PDF": "application/pdf",
    "HTML": "text/html",
    "script": "application/javascript",
    "a type of its own": "image/png; charset=<script>",
}


@pytest.mark.parametrize("name", TYPES)
async def test_nothing_but_png_and_jpeg_comes_out_as_an_image(shared: Session, name: str) -> None:
    data = {TYPES[name]: "<svg onload='alert(1)'>", "text/plain": "its text"}
    gave = await shared.run(
        f"from IPython.display import display\ndisplay({data!r}, raw=True)\nprint('TRIED')"
    )

    assert gave.images == []
    assert gave.logs == "its text\nTRIED\n"


def bomb(kind: str, width: int, height: int) -> bytes:
    """An image of a few hundred bytes that says it is as large as this."""
    if kind == "image/jpeg":
        frame = struct.pack(">HHBHHB9B", 0xFFC0, 17, 8, height, width, 3, *[1, 17, 0] * 3)
        return b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(9) + frame + b"\xff\xd9"

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000)))


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
async def test_an_image_that_would_fill_a_browsers_memory_is_not_shown(
    shared: Session, kind: str
) -> None:
    async def shown(width: int, height: int) -> int:
        data = {kind: base64.b64encode(bomb(kind, width, height)).decode(), "text/plain": "text"}
        gave = await shared.run(f"from IPython.display import display\ndisplay({data!r}, raw=True)")
        return len(gave.images)

    assert await shown(4000, 3000) == 1
    assert await shown(60_000, 60_000) == 0
    assert await shown(65_000, 1_000) == 0
