"""Answers from the person's documents: searches them for what was asked, and quotes the sentences
that fit best, each with the marker of its passage.
"""

import re

from assistants.engine.demo import found_words
from assistants.engine.demo.conversation import SEARCH_TOOL, Call, Conversation
from assistants.engine.demo.fence import shortened
from assistants.engine.demo.plan import CallFunctions, FunctionCall
from assistants.engine.demo.skills.small_talk import is_small_talk
from assistants.engine.sentences import asked, likeness, sentences, terms

PASSAGE = re.compile(r"^(?P<marker>【\d+:\d+†[^】]*】) \(.*\)\n", re.MULTILINE)
BULLET = re.compile(r"^(?:[-*•#>|]+|\d+[.)])\s+")
GOES_ON = re.compile(
    r"^\W*(?:and|or|but|what about|how about|also|und|et|y)\b.{0,60}$"
    r"|^.{0,40}\b(?:it|that|then|there|this|they|them)\b\W*$"
    r"|^\W*(?:那|那麼|那么|還有|还有|以及).{0,30}$|^.{0,20}(?:呢)\W*$",
    re.IGNORECASE | re.DOTALL,
)
"""A short message that leaves out what it is about."""
LONGEST_QUERY = 300
LONGEST_SENTENCE = 400
MOST_SENTENCES = 3
NEARLY = 0.75
"""A further sentence is quoted if it says at least this part of what the best one says."""


def plan(conversation: Conversation) -> CallFunctions | None:
    text = conversation.text
    if not conversation.can_search or is_small_talk(text):
        return None
    file = conversation.file()
    if file and file.name.lower() in text.lower():
        return None
    return CallFunctions((call(conversation),)) if conversation.searchable else None


def call(conversation: Conversation) -> FunctionCall:
    """A search for what the message asks. One that goes on from the question before, such as "and
    in 2023?", is looked for together with that.
    """
    queries = [conversation.text[:LONGEST_QUERY]]
    if goes_on(conversation):
        queries.insert(0, f"{conversation.text} {conversation.text_before}"[:LONGEST_QUERY])
    return FunctionCall(SEARCH_TOOL, {"queries": queries})


def goes_on(conversation: Conversation) -> bool:
    """Whether the message makes no sense without the one before it."""
    return bool(conversation.text_before and GOES_ON.search(conversation.text))


def told(conversation: Conversation, made: Call) -> str:
    """What was found, by quotation."""
    wanted = asked(conversation.text)
    if goes_on(conversation):
        wanted |= asked(conversation.text_before)
    found = _quoted(made.answer or "", wanted)
    if not found:
        return found_words.nothing(conversation.text, conversation.language)
    quotes = "\n>\n".join(
        f"> {shortened(sentence, LONGEST_SENTENCE)} {marker}" for sentence, marker in found
    )
    return found_words.found(conversation.text, conversation.language, quotes)


def _quoted(answer: str, wanted: set[str]) -> list[tuple[str, str]]:
    """The sentences that say most of what is wanted, with their markers; where none says anything
    of it, how the best passage begins.
    """
    _, *parts = PASSAGE.split(answer)
    markers: dict[str, str] = {}
    for marker, passage in zip(parts[::2], parts[1::2], strict=True):
        for sentence in sentences(passage):
            # Passages overlap: the better one has the sentence.
            markers.setdefault(BULLET.sub("", " ".join(sentence.split())), marker)
    ranked = sorted(markers, key=lambda sentence: likeness(sentence, wanted), reverse=True)
    most = len(terms(ranked[0]) & wanted) if ranked else 0
    chosen = [
        sentence for sentence in ranked if len(terms(sentence) & wanted) >= max(1, NEARLY * most)
    ] or list(markers)
    return [(sentence, markers[sentence]) for sentence in chosen[:MOST_SENTENCES]]
