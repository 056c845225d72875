"""Answers everything that no other skill is for: says what this is and what it can do."""

from assistants.engine.demo import words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.fence import shortened
from assistants.engine.demo.plan import Say
from assistants.engine.demo.words import heard

GREETING = heard(
    r"^\W*(?:hi|hello|hey|howdy|good (?:morning|afternoon|evening|day)|greetings)\b"
    r"|^\W*(?:你好|您好|哈囉|嗨|早安|午安|晚安)"
)
THANKS = heard(r"\b(?:thanks|thank you|thx|cheers)\b|謝|感謝")
FAREWELL = heard(r"\b(?:bye|goodbye|see you|farewell)\b|再見|掰")
PERSONAL = heard(
    r"\bwho\b.{0,10}\b(?:are|r) (?:you|u)\b|\bwhat are you\b|\byour (?:name|instructions)\b"
    r"|\bare you\b.{0,20}\b(?:ai|real|human|bot|gpt|chatgpt|robot|model)\b"
    r"|你是(?:誰|什麼)|你的(?:名字|指示)|你叫什麼"
)
HELP = heard(
    r"\bhelp\b|\bwhat\b.{0,12}\b(?:can|could|do)\b.{0,6}\byou\b"
    r"|\bhow (?:does|do) (?:this|you) work\b"
    r"|你(?:能|會|可以)(?:做|幫)|怎麼用|說明|幫助"
)
SHORT = 60
"""Characters; thanks in a longer message are not its point."""


def is_small_talk(text: str) -> bool:
    """Whether this is said to a person rather than asked of a file."""
    short = len(text) < SHORT and (THANKS.search(text) or FAREWELL.search(text))
    return bool(not text or short or PERSONAL.search(text) or GREETING.search(text))


def plan(conversation: Conversation) -> Say:
    language, text = conversation.language, conversation.text
    if not text:
        return Say(words.NOTHING_SAID.say(language))
    if len(text) < SHORT and THANKS.search(text):
        return Say(words.THANKS.say(language))
    if len(text) < SHORT and FAREWELL.search(text):
        return Say(words.FAREWELL.say(language))
    introduction = words.INTRODUCTION.say(language)
    opening = words.NOT_UNDERSTOOD.say(language, introduction=introduction)
    if PERSONAL.search(text) or HELP.search(text):
        opening = introduction
    elif GREETING.search(text):
        opening = words.GREETING.say(language, introduction=introduction)
    said = [opening]
    if PERSONAL.search(text) and conversation.instructions:
        beginning = shortened(" ".join(conversation.instructions.split()), 160)
        said.append(words.FOLLOWED_INSTRUCTIONS.say(language, beginning=beginning))
    said.append(words.ABILITIES.say(language))
    if not conversation.can_run_code:
        said.append(words.INTERPRETER_OFF.say(language))
    said.append(words.CONNECT.say(language))
    return Say("\n\n".join(said))
