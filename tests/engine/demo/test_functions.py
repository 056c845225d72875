"""The caller's functions: which one is meant, what it is called with, what is told of it."""

import json

import pytest

from tests.engine.demo.demo_thread import CODE_TOOL, Json, Thread


def function(name: str, description: str = "", **properties: Json) -> Json:
    parameters = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    body = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": body}


WEATHER = function(
    "get_current_weather",
    "Get the current weather in a given location",
    location={"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
STOCK = function("getStockPrice", "Price of a stock", symbol={"type": "string"})
ADD = function("add", "Adds two numbers", a={"type": "number"}, b={"type": "number"})


@pytest.fixture
def functions(thread: Thread) -> Thread:
    thread.tools = [CODE_TOOL, WEATHER, STOCK, ADD]
    thread.functions = {
        "get_current_weather": lambda arguments: json.dumps({"temperature": 22, "sky": "clear"}),
        "getStockPrice": lambda arguments: "101.5",
        "add": lambda arguments: str(arguments["a"] + arguments["b"]),
    }
    return thread


async def test_a_function_is_called_and_its_answer_told(functions: Thread) -> None:
    turn = await functions.say("What's the weather in San Francisco, CA in celsius?")
    assert turn.calls == [
        ("get_current_weather", {"location": "San Francisco, CA", "unit": "celsius"})
    ]
    assert "- **temperature**: 22" in turn.text
    assert "- **sky**: clear" in turn.text


async def test_the_name_of_a_function_is_enough(functions: Thread) -> None:
    turn = await functions.say("Call add with 2 and 3.5")
    assert turn.calls == [("add", {"a": 2, "b": 3.5})]
    assert "**5.5**" in turn.text


async def test_two_functions_are_called_in_parallel(functions: Thread) -> None:
    prompt = 'Tell me the weather in Oslo and the stock price of "ACME"'
    turn = await functions.say(prompt)
    assert turn.calls == [
        ("get_current_weather", {"location": "Oslo"}),
        ("getStockPrice", {"symbol": "ACME"}),
    ]
    assert "`get_current_weather`" in turn.text
    assert "`getStockPrice`" in turn.text
    functions.options["parallel_tool_calls"] = False
    assert len((await functions.say(prompt)).calls) == 1


async def test_a_chinese_question_finds_an_english_function(functions: Thread) -> None:
    turn = await functions.say("台北今天的天氣如何？")
    assert turn.calls == [("get_current_weather", {"location": "台北"})]
    assert "的回答" in turn.text


async def test_other_messages_leave_functions_alone(functions: Thread) -> None:
    turn = await functions.say("Create a visualization of a sinewave")
    assert turn.calls == []
    assert turn.has_image


async def test_a_named_tool_choice_is_called_once(functions: Thread) -> None:
    functions.options["tool_choice"] = {"type": "function", "function": {"name": "getStockPrice"}}
    turn = await functions.say("hello")
    assert [name for name, _ in turn.calls] == ["getStockPrice"]
    assert "101.5" in turn.text


async def test_the_code_interpreter_can_be_chosen(functions: Thread) -> None:
    functions.options["tool_choice"] = {
        "type": "function",
        "function": {"name": "code_interpreter"},
    }
    turn = await functions.say("hello")
    assert "is ready" in turn.text
    assert len(turn.codes) == 1


async def test_required_calls_some_tool(functions: Thread) -> None:
    functions.options["tool_choice"] = "required"
    assert len((await functions.say("hello")).codes) == 1
    functions.tools = [STOCK, ADD]
    assert len((await functions.say("the price, please")).calls) == 1


@pytest.mark.parametrize(
    "answer, told",
    [
        ("", "answered nothing"),
        ("plain words", "plain words"),
        ('{"rows": [1, 2]}', '```json\n{\n  "rows"'),
        ("[1, 2]", "```json"),
        ("null", "**null**"),
        ("{", "{"),
    ],
)
async def test_answers_of_every_form_are_told(functions: Thread, answer: str, told: str) -> None:
    functions.functions["add"] = lambda arguments: answer
    assert told in (await functions.say("add 1 and 2")).text
