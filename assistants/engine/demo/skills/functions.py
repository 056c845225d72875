"""Calls the caller's own functions when a message is about them, and tells what they answer."""

import json
import re

from assistants.engine.demo import words
from assistants.engine.demo.conversation import Call, Conversation, Tool
from assistants.engine.demo.fence import fenced, shortened
from assistants.engine.demo.filling import fill
from assistants.engine.demo.plan import CallFunctions, FunctionCall

COMMON = {
    "get", "set", "fetch", "make", "the", "for", "given", "from", "and", "with", "that", "this",
    "return", "returns", "current", "find", "show", "list", "use", "user", "users", "its", "can",
    "function", "value", "values", "information", "info", "data", "call", "when", "which", "what",
    "please", "you", "into", "one", "are",
}  # fmt: skip
"""Words that say nothing about what a function is for."""

SPOKEN_CHINESE = {
    "天氣": "weather", "氣溫": "temperature", "溫度": "temperature", "股價": "stock price",
    "時間": "time", "郵件": "email", "寄信": "send email", "匯率": "exchange rate",
    "翻譯": "translate", "搜尋": "search", "訂單": "order", "預訂": "book", "提醒": "reminder",
    "顏色": "color palette", "深色": "dark", "相加": "add", "新聞": "news",
}  # fmt: skip
"""Functions mostly have English names; what a Chinese question is likely to call them."""


def plan(conversation: Conversation) -> CallFunctions | None:
    meant = _meant(conversation)
    if not meant:
        return None
    if not conversation.parallel_calls:
        meant = meant[:1]
    return CallFunctions(tuple(call(conversation, tool) for tool in meant))


def call(conversation: Conversation, tool: Tool) -> FunctionCall:
    """A call with arguments taken from the message."""
    return FunctionCall(tool.name, fill(tool.parameters, conversation.text))


def nearest(conversation: Conversation) -> Tool | None:
    """The function that fits best, even if not well."""
    spoken = _stems(_in_english(conversation.text))
    return max(
        conversation.functions,
        key=lambda tool: len(spoken & _stems(f"{_spaced(tool.name)} {tool.description}")),
        default=None,
    )


def told(conversation: Conversation, made: Call) -> str:
    """What a function answered, made readable."""
    language = conversation.language
    answer = (made.answer or "").strip()
    if not answer:
        return words.FUNCTION_SILENT.say(language, name=made.name)
    return words.FUNCTION_ANSWERED.say(language, name=made.name, answer=_readable(answer))


def _meant(conversation: Conversation) -> list[Tool]:
    """The functions that the message is about: named in it, or sharing enough words with it."""
    text = _in_english(conversation.text)
    named = [
        tool
        for tool in conversation.functions
        if re.search(rf"(?<![\w]){re.escape(tool.name)}(?![\w])", text, re.IGNORECASE)
    ]
    if named:
        return named
    spoken = _stems(text)
    return [tool for tool in conversation.functions if _is_about(tool, spoken)]


def _is_about(tool: Tool, spoken: set[str]) -> bool:
    name = _stems(_spaced(tool.name))
    description = _stems(tool.description) - name
    if not name & spoken:
        return len(description & spoken) >= 3
    return name <= spoken or len(description & spoken) >= 1


def _in_english(text: str) -> str:
    heard = [english for chinese, english in SPOKEN_CHINESE.items() if chinese in text]
    return " ".join([text, *heard])


def _spaced(name: str) -> str:
    """`getStockPrice` and `get_stock_price` as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_|-", " ", name)


def _stems(text: str) -> set[str]:
    """The telling words of a text, without their endings."""
    found = re.findall(r"[a-z]{3,}", text.lower())
    return {re.sub(r"(?:ing|ed|es|s)$", "", word) for word in found if word not in COMMON}


def _readable(answer: str) -> str:
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return shortened(answer, 4_000)
    if isinstance(value, dict) and value and all(_is_plain(part) for part in value.values()):
        return "\n".join(f"- **{name}**: {_plain(part)}" for name, part in value.items())
    if _is_plain(value):
        return f"**{_plain(value)}**"
    return fenced(json.dumps(value, ensure_ascii=False, indent=2)[:4_000], "json")


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
