"""What the demo model says about itself, about failures, and without its tools."""

import json
from pathlib import Path

import pytest

from tests.engine.demo.demo_thread import Thread


@pytest.mark.parametrize(
    "prompt", ["hello", "What can you do?", "What is the capital of France?", "Tell me a joke"]
)
async def test_it_says_that_it_is_a_script_and_how_to_get_more(thread: Thread, prompt: str) -> None:
    turn = await thread.say(prompt)
    assert "demo model" in turn.text
    assert "no AI" in turn.text
    assert "sinewave" in turn.text
    assert "OPENAI_API_KEY" in turn.text
    assert "OPENAI_BASE_URL" in turn.text


async def test_it_answers_in_traditional_chinese(thread: Thread) -> None:
    turn = await thread.say("你好")
    assert "示範模型" in turn.text
    assert "沒有 AI" in turn.text
    assert "正弦波" in (await thread.say("畫正弦波")).text
    shown = await thread.say("顯示程式碼")
    assert "```python" in shown.text
    assert "程式碼" in shown.text
    assert "深色模式" in (await thread.say("改成深色模式")).text


async def test_a_message_without_letters_keeps_the_language(thread: Thread) -> None:
    await thread.say("你好")
    assert "結果是" in (await thread.say("12 * 3 =")).text


async def test_thanks_and_farewell_are_short(thread: Thread) -> None:
    assert (await thread.say("Thanks!")).text.startswith("You're welcome")
    assert (await thread.say("bye")).text.startswith("Goodbye")


async def test_it_knows_its_instructions_but_does_not_pretend_to_follow_them(
    thread: Thread,
) -> None:
    thread.instructions = "You are a pirate.\n\nYou can run Python with the tool code_interpreter."
    turn = await thread.say("who are you?")
    assert "You are a pirate." in turn.text
    assert "You can run Python" not in turn.text
    assert "A real model would follow them" in turn.text


async def test_without_the_code_interpreter_it_says_what_to_switch_on(thread: Thread) -> None:
    thread.tools = []
    turn = await thread.say("Create a visualization of a sinewave")
    assert turn.codes == []
    assert "Turn on the **code interpreter** in this assistant's setup" in turn.text
    assert "np.sin(x)" in turn.text
    assert "turn on the **code interpreter**" in (await thread.say("hello")).text


async def test_tool_choice_none_is_kept(thread: Thread) -> None:
    thread.options["tool_choice"] = "none"
    turn = await thread.say("what is 12*7")
    assert turn.codes == []
    assert "12 * 7" in turn.text
    assert "*none*" in turn.text


async def test_code_of_the_person_is_run_as_it_is(thread: Thread) -> None:
    turn = await thread.say("Please run this:\n```python\nfor n in range(3):\n    print(n)\n```")
    assert turn.code == "for n in range(3):\n    print(n)"
    assert "```\n0\n1\n2\n```" in turn.text
    turn = await thread.say('run `print("a" * 3)`')
    assert "aaa" in turn.text


CODE = "for n in range(3):\n    print(n * 7)"


@pytest.mark.parametrize(
    "prompt",
    [
        f"Run this:\n{CODE}",
        f"run:\n{CODE}",
        f"Please run this Python code for me:\n\n{CODE}\n",
        f"Can you execute the following script: \n    {CODE.replace('    ', '        ')}",
        f"Hi! Run it:\r\n{CODE}",
        "Run this:\n`print(14)`",
        "run print(14)",
        f"請執行以下程式碼：\n{CODE}",
    ],
)
async def test_code_on_the_lines_after_run_this_is_run(thread: Thread, prompt: str) -> None:
    turn = await thread.say(prompt)
    assert "14" in turn.answer
    assert "Traceback" not in turn.answer
    assert "Error" not in turn.answer


@pytest.mark.parametrize(
    "prompt", ["Run a regression on these numbers:\n1, 2, 3", "Run this: plot sin(x)", "Run this:"]
)
async def test_words_after_run_are_not_taken_for_code(thread: Thread, prompt: str) -> None:
    turn = await thread.say(prompt)
    assert "Error" not in turn.text


async def test_files_that_code_saves_are_linked(thread: Thread) -> None:
    turn = await thread.say("run `open('/mnt/data/my [first] file.txt', 'w').write('x')`")
    assert "[my  first  file.txt](sandbox:/mnt/data/my%20%5Bfirst%5D%20file.txt)" in turn.text


async def test_an_error_is_told_honestly(thread: Thread) -> None:
    turn = await thread.say("run `1/0`")
    assert len(turn.codes) == 1
    assert "ZeroDivisionError: division by zero" in turn.text
    assert "did not work" in turn.text
    turn = await thread.say("run `x = = 1`")
    assert "SyntaxError" in turn.text


async def test_code_is_tried_at_most_twice(thread: Thread) -> None:
    thread.attach("broken.csv", b"\x00\xff\xfe\x00" * 50)
    turn = await thread.say("bar chart of the file broken.csv")
    assert len(turn.codes) <= 2


async def test_a_second_try_is_announced(thread: Thread) -> None:
    turn = await thread.say("solve cos(x) = x")
    assert len(turn.codes) == 2
    assert "another way" in turn.texts[0]
    assert "NotImplementedError" in turn.texts[0]


@pytest.mark.parametrize(
    "answer",
    [
        "The code interpreter is not available: bubblewrap is missing",
        "The code was stopped after 120 seconds. Variables are kept.",
        "The Python session ended: out of memory. Its variables are gone; files are kept.",
    ],
)
async def test_what_the_interpreter_says_is_passed_on(thread: Thread, answer: str) -> None:
    class Failing:
        def run(self, code: str, folder: Path) -> str:
            return answer

    thread.python = Failing()
    turn = await thread.say("what is 12*7")
    assert len(turn.codes) == 1
    assert answer in turn.text
    assert "no result" in turn.text


async def test_a_note_after_the_output_is_no_part_of_the_result(thread: Thread) -> None:
    class Noting:
        def run(self, code: str, folder: Path) -> str:
            return "84\nA new Python session was started: variables of earlier calls are gone."

    thread.python = Noting()
    assert "= 84 " in (await thread.say("what is 12*7")).text


async def test_a_picture_that_did_not_come_is_not_claimed(thread: Thread) -> None:
    class Blind:
        def run(self, code: str, folder: Path) -> str:
            return "(no output)"

    thread.python = Blind()
    turn = await thread.say("Create a visualization of a sinewave")
    assert turn.text == "The code ran, but no picture came out of it."


async def test_json_is_answered_where_json_is_asked_for(thread: Thread) -> None:
    thread.options["response_format"] = {"type": "json_object"}
    thread.instructions = "Show a preview of the code."
    turn = await thread.say("what is 12*7? answer in json")
    assert "84" in json.loads(turn.text)["answer"]
    assert len(turn.texts) == 1


async def test_an_answer_schema_is_filled(thread: Thread) -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "summary": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "days", "summary", "unit"],
        "additionalProperties": False,
    }
    thread.options["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "trip", "schema": schema},
    }
    turn = await thread.say("Plan a trip to Lisbon for 4 days")
    answer = json.loads(turn.text)
    assert set(answer) == {"city", "days", "summary", "unit"}
    assert answer["city"] == "Lisbon"
    assert answer["days"] == 4
    assert answer["unit"] == "celsius"
