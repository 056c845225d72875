"""Runs Python that the person wrote: a code block, or `run` and code in backticks."""

import re
from functools import partial

from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.telling import plainly
from assistants.engine.demo.words import heard

BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(?P<code>.*?)\n?```", re.DOTALL | re.IGNORECASE)
INLINE = heard(r"(?:\b(?:run|execute)\b|執行|跑)[^`\n]{0,40}`(?P<code>[^`]+)`")
BARE = re.compile(r"^\s*(?:run|execute|執行)\s*[:：]\s*(?P<code>.+)$", re.IGNORECASE | re.DOTALL)


def plan(conversation: Conversation) -> RunCode | None:
    text = conversation.whole_text
    found = BLOCK.search(text) or INLINE.search(text) or BARE.match(text)
    if not found:
        return None
    return RunCode(found["code"].strip("\n"), partial(plainly, conversation.language))
