"""Answers from the person's documents: searches them for what was asked, and quotes the sentences
that fit best, each with the marker of its passage.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from assistants.engine.demo import found_words
from assistants.engine.demo.conversation import SEARCH_TOOL, Call, Conversation
from assistants.engine.demo.fence import shortened
from assistants.engine.demo.plan import CallFunctions, FunctionCall, Say
from assistants.engine.demo.skills.small_talk import is_small_talk
from assistants.engine.demo.words import heard
from assistants.engine.markers import BEGINNING
from assistants.engine.sentences import asked, sentences, terms
from assistants.retrieval import whole
from assistants.tokens import estimate

PASSAGE = re.compile(r"^(【\d+:\d+†[^】]*】) \((.*)\)\n", re.MULTILINE)
BEGINS_FILE = re.compile(rf"(?:, (?:page|slide) \d+)?, {re.escape(BEGINNING)}$")
"""What comes after the file's name in the facts of such a passage."""
BULLET = re.compile(r"^(?:[-*•#>|]+|\d+[.)])\s+")
GOES_ON = re.compile(
    r"^\W*(?:and|or|but|what about|how about|also|und|et|y)\b.{0,60}$"
    r"|^.{0,40}\b(?:it|that|then|there|this|they|them)\b\W*$"
    r"|^\W*(?:那|那麼|那么|還有|还有|以及).{0,30}$|^.{0,20}(?:呢)\W*$",
    re.IGNORECASE | re.DOTALL,
)
"""A short message that leaves out what it is about."""
ABOUT_FILES = heard(r"\b(?:files?|documents?|attachments?|uploads?|attached)\b|檔案|文件|附件|档案")
"""Asks about the files themselves."""
LONGEST_QUERY = 300
LONGEST_SENTENCE = 400
MOST_SENTENCES = 3
MOST_FILES = 8
"""Of so many files it tells how they begin."""
BEGINNING_TOKENS = 60
"""About so much of one; of each of several a quarter."""
BEFORE = 0.25
"""A term of the question before counts so much of one of the question itself."""
NEARLY = 0.75
"""A further sentence is quoted if it says at least this part of what the best one says."""


def plan(conversation: Conversation) -> CallFunctions | Say | None:
    text = conversation.text
    if not conversation.can_search or is_small_talk(text):
        return None
    file = conversation.file()
    if file and file.name.lower() in text.lower():
        return None
    if conversation.searchable:
        return CallFunctions((call(conversation),))
    if conversation.unread:
        return Say(found_words.not_read(text, conversation.language, conversation.unread))
    if not conversation.files and ABOUT_FILES.search(text):
        return Say(found_words.no_files(text, conversation.language))
    return None


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
    text, language = conversation.text, conversation.language
    wanted = dict.fromkeys(asked(text), 1.0)
    if goes_on(conversation):
        wanted = dict.fromkeys(asked(conversation.text_before), BEFORE) | wanted
    found = _begun(made.answer or "", text)
    frame = found_words.begins if found else found_words.found
    found = found or _quoted(made.answer or "", wanted)
    if not found:
        said = found_words.nothing(text, language)
        if conversation.unread:
            said += "\n\n" + found_words.not_read(text, language, conversation.unread)
        return said
    quotes = "\n>\n".join(
        f"> {shortened(sentence, LONGEST_SENTENCE)} {marker}" for sentence, marker in found
    )
    said = frame(text, language, quotes)
    meant = [one for one in conversation.unread if one.partition(": ")[0].lower() in text.lower()]
    unread = conversation.unread if ABOUT_FILES.search(text) else meant
    return said + "\n\n" + found_words.not_read(text, language, unread) if unread else said


def _begun(answer: str, question: str) -> list[tuple[str, str]]:
    """How the files begin, if the question is about them as a whole: their first sentences, with
    their markers.
    """
    _, *parts = PASSAGE.split(answer)
    firsts: dict[str, tuple[str, str]] = {}
    for marker, facts, passage in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if found := BEGINS_FILE.search(facts):
            firsts.setdefault(facts[: found.start()], (marker, passage))
    wanted = whole.meant(question, firsts)
    chosen = [first for name, first in firsts.items() if name in wanted][:MOST_FILES]
    tokens = BEGINNING_TOKENS if len(chosen) == 1 else BEGINNING_TOKENS // 4
    return [
        (BULLET.sub("", " ".join(sentence.split())), marker)
        for marker, passage in chosen
        for sentence in _first(sentences(passage), tokens)
    ]


def _first(found: Sequence[str], tokens: int) -> list[str]:
    """So many of them, from the first on, that they have about so many tokens."""
    taken: list[str] = []
    for sentence in found:
        if sum(map(estimate, taken)) >= tokens:
            break
        taken.append(sentence)
    return taken


def _quoted(answer: str, wanted: Mapping[str, float]) -> list[tuple[str, str]]:
    """The sentences that say most of what is wanted, with their markers; where none says anything
    of it, how the best passage begins.

    :param wanted: terms, and what each counts; the fewer sentences have one, the more it does
    """
    _, *parts = PASSAGE.split(answer)
    markers: dict[str, str] = {}
    for marker, passage in zip(parts[::3], parts[2::3], strict=True):
        for sentence in sentences(passage):
            # Passages overlap: the better one has the sentence.
            markers.setdefault(BULLET.sub("", " ".join(sentence.split())), marker)
    said = {sentence: terms(sentence) for sentence in markers}
    often = Counter(term for found in said.values() for term in found if term in wanted)
    weights = {term: wanted[term] * math.log(1 + len(said) / often[term]) for term in often}
    worth = {one: sum(weights.get(term, 0) for term in found) for one, found in said.items()}
    # Of two that say the same, the shorter.
    ranked = sorted(markers, key=lambda one: (-round(worth[one], 6), len(said[one])))
    least = NEARLY * worth[ranked[0]] if ranked else 0
    chosen = [one for one in ranked if least and worth[one] >= least] or list(markers)
    return [(sentence, markers[sentence]) for sentence in chosen[:MOST_SENTENCES]]
