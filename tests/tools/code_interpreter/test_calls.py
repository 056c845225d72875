"""What a call gives, and what stays for the next one."""

import asyncio
import contextlib
import re
import struct
import time
import zlib

import pytest

from assistants.tools.code_interpreter.client import Ended, Image, Interpreter, Logs
from tests.tools.code_interpreter.interpreter_process import Session

SINE = """
import numpy as np
import matplotlib.pyplot as plt
x = np.linspace(0, 2 * np.pi, 500)
plt.plot(x, np.sin(x))
plt.title("Sine")
plt.show()
"""


def corner(png: bytes) -> tuple[int, ...]:
    """The first pixel of a PNG with 8 bits a channel."""
    width, channels = struct.unpack(">I", png[16:20])[0], {2: 3, 6: 4}[png[25]]
    assert width > 0
    body, at = b"", 8
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        if png[at + 4 : at + 8] == b"IDAT":
            body += png[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompress(body)[1 : 1 + channels])


async def test_variables_imports_and_functions_stay_for_the_next_call(session: Session) -> None:
    await session.run("import math\nx = 3\ndef double(n): return 2 * n")

    assert (await session.run("print(double(x), math.pi > 3)")).logs == "6 True\n"


async def test_printed_text_and_the_last_value_are_logs(shared: Session) -> None:
    gave = await shared.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n1 + 1")

    assert sorted(gave.logs.splitlines()) == ["2", "err", "out"]
    assert gave.end == Ended("ok", None)


async def test_a_semicolon_hides_the_last_value(shared: Session) -> None:
    assert (await shared.run("1 + 1;")).logs == ""


async def test_a_data_frame_is_shown_as_text(shared: Session) -> None:
    gave = await shared.run("import pandas as pd\npd.DataFrame({'a': [1, 2]})")

    assert gave.logs == "   a\n0  1\n1  2\n"


async def test_an_exception_is_a_plain_traceback_in_the_logs(shared: Session) -> None:
    gave = await shared.run("def f():\n    return 1 / 0\nf()")

    assert "ZeroDivisionError: division by zero" in gave.logs
    assert "line 2" in gave.logs
    assert "\x1b" not in gave.logs
    assert gave.end.outcome == "error"


async def test_code_that_is_no_python_is_an_error(shared: Session) -> None:
    gave = await shared.run("print('a'")

    assert "SyntaxError" in gave.logs
    assert gave.end.outcome == "error"


async def test_a_plot_is_an_image_that_can_be_fetched(shared: Session) -> None:
    gave = await shared.run(SINE)

    (image,) = gave.images
    assert gave.logs == ""
    assert image.mime == "image/png"
    assert re.fullmatch(r"plot-\d+\.png", image.name)
    png = await shared.fetch(image)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) == image.size
    assert corner(png)[:3] == (255, 255, 255)


async def test_the_dark_style_gives_a_dark_image(shared: Session) -> None:
    gave = await shared.run("import matplotlib.pyplot as plt\nplt.style.use('dark_background')")
    assert gave.outputs == [Ended("ok", None)]

    (image,) = (await shared.run(SINE)).images
    await shared.run("plt.style.use('default')")

    assert corner(await shared.fetch(image))[:3] == (0, 0, 0)


async def test_a_plot_without_show_is_shown_and_its_return_value_is_not(shared: Session) -> None:
    gave = await shared.run("import matplotlib.pyplot as plt\nplt.hist([1, 2, 2, 3])")

    assert len(gave.images) == 1
    assert gave.logs == ""


async def test_a_figure_as_the_last_value_is_shown_once(shared: Session) -> None:
    gave = await shared.run("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nfig")

    assert len(gave.images) == 1


@pytest.mark.parametrize("font", [None, "Microsoft JhengHei", "SimHei", "Noto Sans TC"])
async def test_chinese_japanese_and_korean_in_a_figure_are_no_boxes(
    shared: Session, font: str | None
) -> None:
    family = f"plt.rcParams['font.family'] = {font!r}" if font else "pass"
    gave = await shared.run(
        f"import matplotlib.pyplot as plt\nwith plt.rc_context():\n"
        f"  {family}\n  plt.title('季度營收 测试 売上 매출')\n  plt.plot([1, 2]); plt.show()"
    )

    # matplotlib warns of each character that it has no picture of.
    assert gave.logs == ""
    assert len(gave.images) == 1


async def test_a_font_that_is_not_there_is_told_once(shared: Session) -> None:
    gave = await shared.run(
        "import matplotlib.pyplot as plt\nwith plt.rc_context():\n"
        "  plt.rcParams['font.family'] = 'Papyrus'\n  plt.plot([1, 2]); plt.show()"
    )

    assert gave.logs == "findfont: Font family 'Papyrus' not found.\n"


async def test_a_warning_is_one_short_line(shared: Session) -> None:
    gave = await shared.run("import numpy as np\n_ = np.log(np.array([0.0]))")

    assert gave.logs == "RuntimeWarning: divide by zero encountered in log\n"


async def test_images_come_in_order_between_the_text(shared: Session) -> None:
    gave = await shared.run(
        "import matplotlib.pyplot as plt\n"
        "for n in range(2):\n    print('before', n, flush=True)\n    plt.plot([n, 1]); plt.show()"
    )

    kinds = [type(output) for output in gave.outputs]
    assert kinds == [Logs, Image, Logs, Image, Ended]
    first, second = (int(image.name[len("plot-") : -len(".png")]) for image in gave.images)
    assert second == first + 1


async def test_a_picture_of_pillow_is_an_image(shared: Session) -> None:
    gave = await shared.run("from PIL import Image\nImage.new('RGB', (8, 8), 'red')")

    (image,) = gave.images
    assert corner(await shared.fetch(image)) == (255, 0, 0)


async def test_text_arrives_while_the_code_runs(shared: Session) -> None:
    code = "import time\nprint('first')\ntime.sleep(1.5)\nprint('second')"
    outputs = shared.client.execute(shared.name, code, [], deadline=10)
    arrived = [time.monotonic() async for output in outputs if isinstance(output, Logs)]

    assert arrived[-1] - arrived[0] > 0.8


async def test_the_deadline_stops_the_code_and_keeps_the_variables(shared: Session) -> None:
    began = time.monotonic()
    gave = await shared.run("kept = 5\nwhile True: pass", deadline=0.5)

    assert time.monotonic() - began < 3
    assert gave.end.outcome == "deadline"
    assert "Variables are kept" in gave.note
    assert "KeyboardInterrupt" not in gave.logs
    assert (await shared.run("kept")).logs == "5\n"


async def test_the_deadline_stops_a_sleep(shared: Session) -> None:
    gave = await shared.run("import time; time.sleep(60)", deadline=0.3)

    assert gave.end.outcome == "deadline"


async def test_code_that_ignores_its_deadline_loses_its_session(session: Session) -> None:
    stubborn = "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass"
    gave = await session.run(f"x = 1\n{stubborn}", deadline=0.3)

    assert gave.end.outcome == "died"
    assert "did not stop" in gave.note
    after = await session.run("'x' in globals()")
    assert after.logs == "False\n"
    assert "variables and imports of earlier calls are gone" in after.note
    assert (await session.run("1")).end == Ended("ok", None)


async def test_an_interrupt_stops_the_code_and_keeps_the_variables(shared: Session) -> None:
    running = asyncio.create_task(shared.run("kept = 6\nwhile True: pass"))
    await asyncio.sleep(0.5)
    await shared.client.interrupt(shared.name)

    assert (await running).end.outcome == "interrupted"
    assert (await shared.run("kept")).logs == "6\n"


async def test_leaving_a_call_interrupts_it(shared: Session) -> None:
    code = "kept = 7\nprint('on', flush=True)\nwhile True: pass"
    outputs = shared.client.execute(shared.name, code, [], deadline=60)
    async with contextlib.aclosing(outputs):
        async for _ in outputs:
            break

    began = time.monotonic()
    assert (await shared.run("kept")).logs == "7\n"
    assert time.monotonic() - began < 3


async def test_cancelling_the_task_of_a_call_interrupts_it(shared: Session) -> None:
    running = asyncio.create_task(shared.run("kept = 8\nwhile True: pass"))
    await asyncio.sleep(0.5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (await shared.run("kept")).logs == "8\n"


async def test_calls_of_one_session_run_one_after_another(session: Session) -> None:
    await session.run("order = []")
    slow = "import time\norder.append('{0} begins')\ntime.sleep(0.2)\norder.append('{0} ends')"
    first = asyncio.create_task(session.run(slow.format("a")))
    await asyncio.sleep(0.05)
    await asyncio.gather(first, session.run(slow.format("b")))

    gave = await session.run("order")
    assert gave.logs == "['a begins', 'a ends', 'b begins', 'b ends']\n"


async def test_sessions_run_side_by_side_and_share_nothing(client: Interpreter) -> None:
    names = ("side-1", "side-2", "side-3")
    code = (
        "name = {0!r}\nimport time\ntime.sleep(0.3)\nprint(name)\nopen('own.txt', 'w').write(name)"
    )
    gave = await asyncio.gather(*(Session(client, n).run(code.format(n)) for n in names))

    assert [one.logs.split()[0] for one in gave] == list(names)
    listed = await Session(client, "side-1").run("import os\nprint(os.listdir('/mnt/data'))")
    assert listed.logs == "['own.txt']\n"
    for name in names:
        await client.close(name)


async def test_input_is_refused_with_help(shared: Session) -> None:
    gave = await shared.run("input('name? ')")

    assert "this code runs unattended" in gave.logs
    assert gave.end.outcome == "error"


async def test_shell_escapes_and_programs_print_to_the_logs(shared: Session) -> None:
    assert "shell works" in (await shared.run("!echo shell works")).logs
    assert (await shared.run("x = !echo held\nprint(x)")).logs == "['held']\n"
    gave = await shared.run("import subprocess\nsubprocess.run(['echo', 'program'])")
    assert "program" in gave.logs


@pytest.mark.parametrize("code", ["exit()", "quit()", "import sys; sys.exit(1)"])
async def test_exit_ends_the_code_and_not_the_session(shared: Session, code: str) -> None:
    gave = await shared.run(f"kept = 9\n{code}\nprint('goes on')")
    await asyncio.sleep(0.3)

    assert "goes on" not in gave.logs
    assert (await shared.run("kept")).outputs == [Logs("9\n"), Ended("ok", None)]


async def test_output_of_forked_processes_is_shown(shared: Session) -> None:
    gave = await shared.run(
        "import multiprocessing\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(pool.map(abs, [-1, -2]))"
    )

    assert gave.logs.strip().endswith("[1, 2]")


async def test_the_tool_box_is_there(shared: Session) -> None:
    modules = (
        "numpy, pandas, scipy, sklearn, sympy, matplotlib, seaborn, PIL, openpyxl, xlsxwriter, "
        "docx, pptx, pypdf, reportlab, tabulate"
    )
    gave = await shared.run(f"import {modules}\nprint('all there')", deadline=60)

    assert gave.logs == "all there\n"


async def test_code_runs_in_english_utf8_and_unknown_surroundings(shared: Session) -> None:
    gave = await shared.run(
        "import os, getpass, locale\n"
        "print(os.getcwd(), getpass.getuser(), locale.getpreferredencoding(), 'é–中')"
    )

    assert gave.logs == "/mnt/data user UTF-8 é–中\n"


async def test_it_tells_which_packages_code_may_import(client: Interpreter) -> None:
    packages = await client.packages()
    names = [package.split()[0] for package in packages]
    assert {"numpy", "pandas", "matplotlib", "python-docx"} <= set(names)
    assert "ipykernel" not in names
    numpy = next(package for package in packages if package.startswith("numpy "))
    told = await Session(client, "packages-1").run("import numpy\nprint(numpy.__version__)")
    assert f"numpy {told.logs.strip()}" == numpy
