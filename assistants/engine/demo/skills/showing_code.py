"""Shows code that was run earlier in the thread."""

import re

from assistants.engine.demo import words
from assistants.engine.demo.conversation import Call, Conversation
from assistants.engine.demo.fence import fenced
from assistants.engine.demo.plan import Say
from assistants.engine.demo.words import heard

ASKED = re.compile(
    r"\b(?:show|see|view|display|give|print|share|explain|what|which|where)\b.{0,40}"
    r"\b(?:code|script|source)\b(?! interpreter)"
    r"|^\s*(?:the )?(?:source )?code( please)?\W*$"
    r"|(?:顯示|給我|看|列出|秀|解釋|什麼).{0,12}(?:程式碼?|代碼)|(?:程式碼?|代碼).{0,6}(?:給我|是什麼|呢|\?|？|$)",
    re.IGNORECASE | re.DOTALL,
)
EARLIER = heard(
    r"\byou\b.{0,20}\b(?:used?|ran|run|wrote|made)\b|\bthe code\b|剛|用|跑|執行|程式碼\W*$"
)
OF_THE_QUESTION = {"show", "print", "display", "code", "used", "that", "with", "from", "plot"}
"""Words that say nothing about which code is meant, though code may hold them."""
IMPORT = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)


def plan(conversation: Conversation) -> Say | None:
    text = conversation.text
    if not ASKED.search(text) or not (conversation.last_code or EARLIER.search(text)):
        return None
    call = _meant(conversation)
    language = conversation.language
    if call is None:
        return Say(words.NO_CODE_YET.say(language))
    purpose = words.TO_DRAW if "plt." in call.code else words.TO_COMPUTE
    return Say(
        words.CODE_SHOWN.say(
            language,
            purpose=purpose.say(language),
            code=fenced(call.code, "python"),
            explanation=_explanation(call.code, language),
        )
    )


def _meant(conversation: Conversation) -> Call | None:
    """The code that shares most words with the question; of equals the latest."""
    spoken = set(re.findall(r"[a-z]{4,}", conversation.text.lower())) - OF_THE_QUESTION
    runs = [call for call in conversation.past if call.code]

    def shared(call: Call) -> int:
        return len(spoken & set(re.findall(r"[a-z]{4,}", call.code.lower())))

    return max(reversed(runs), key=shared, default=None)


def _explanation(code: str, language: words.Language) -> str:
    modules = dict.fromkeys(IMPORT.findall(code))
    parts = [words.PURPOSES[module].say(language) for module in modules if module in words.PURPOSES]
    if not parts:
        return words.PLAIN_PYTHON.say(language)
    return words.USES.say(language, parts=words.AND.say(language).join(parts))
