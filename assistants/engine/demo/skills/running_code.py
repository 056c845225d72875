"""Runs Python that the person wrote: a code block, `run` and code in backticks, or the lines after
`Run this:`."""

import re
from functools import partial
from textwrap import dedent

from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.telling import plainly
from assistants.engine.demo.words import heard

BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(?P<code>.*?)\n?```", re.DOTALL | re.IGNORECASE)
INLINE = heard(r"(?:\b(?:run|execute)\b|執行|跑)[^`\n]{0,40}\n?`(?P<code>[^`]+)`")
BARE = re.compile(r"^\s*(?:run|execute|執行)\s*[:：]\s*(?P<code>.+)$", re.IGNORECASE | re.DOTALL)
CALL = heard(r"^\s*(?:run|execute|執行)\s+(?P<code>[a-z_][\w.]*\(.*\))\s*$")
"""`run print("hello")`, as the tip is typed that is shown as code."""
NEXT_LINES = re.compile(
    r"^\s*+[^\n`:：]{0,40}?(?:\b(?:run|execute)\b"
    r"(?: (?:this|that|it|these|the|following|my|python|code|script|program|snippet|lines?|for me"
    r"|please|now)\b)*"
    r"|(?:執行|跑)(?: ?(?:一下|以下|下面|下列|這段|這個|這些|的|python|程式碼?))*)"
    r"[ \t]*[:：][ \t]*\r?\n(?!\s*`)(?P<code>.*\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
"""`Run this:`, and code on the lines below. Only words for code: `Run the numbers:` has data."""


def plan(conversation: Conversation) -> RunCode | None:
    text = conversation.whole_text
    found = BLOCK.search(text) or INLINE.search(text)
    found = found or CALL.match(text) or NEXT_LINES.match(text) or BARE.match(text)
    if not found:
        return None
    return RunCode(dedent(found["code"]).strip("\n"), partial(plainly, conversation.language))
