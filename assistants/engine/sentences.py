"""The sentences of a text, and which of them say most about something: what a citation quotes."""

import re
from collections.abc import Collection, Iterable
from itertools import pairwise

from assistants.retrieval import languages
from assistants.retrieval.chinese import simplified
from assistants.tokens import WIDE

MAX_QUOTE = 400
"""Characters."""

END = re.compile(
    r"(?<=[.!?])(?<![\s(]\d\.)(?<![\s(]\d\d\.)(?<!^\d\.)(?<!^\d\d\.)[\"')\]]*\s+"
    r"|(?<=[。！？；])[」』”）]*\s*"
    r"|\n\s*\n"
    r"|\n(?=\s*(?:[-*•#|>]|\d+[.)]\s))"
)
"""What stands between sentences: also between paragraphs, and between items of a list. A single
line end is none, since lines of documents are broken anywhere.
Neither is a small number with a point, as in "am 3. Mai".
"""

HEADING = 2
"""The line after a heading is at least so many times as long."""
LONGEST_HEADING = 60
MOST_HEADINGS = 3
"""One below the other: a title, a chapter, a section."""
GOES_ON = re.compile(r"[,;，、；(（–-]\s*$")
"""At the end of a line: its sentence does."""

MARKERS = re.compile("【[^【】]*】")
LONGEST_CLAIM = 1000
"""Characters."""

WORD = re.compile(r"[^\W_]+")
ENDING = re.compile(r"(?<=\w{3})(?:ies|ing|ed|es|s|y)$")
EMPTY = {
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in",
    "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "say", "says", "so", "tell",
    "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "us",
    "was", "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will",
    "with", "would", "you", "your",
}  # fmt: skip
EMPTY_WIDE = frozenset(simplified("的了是在有嗎呢吧請問我你他她它們這那什麼麼哪誰和與及或也都就"))


def sentences(text: str) -> list[str]:
    """The sentences, each as it stands in the text."""
    found, start = [], 0
    for end in END.finditer(text):
        found += _without_heading(text[start : end.start()])
        start = end.end()
    found += _without_heading(text[start:])
    return [sentence for one in found if (sentence := one.strip())]


def _without_heading(paragraph: str) -> list[str]:
    """The headings that stand in the lines before a sentence, and the sentence.

    Lines of documents are broken anywhere, so headings are only first lines that are much shorter
    than the one after them, and do not end as if it went on there.
    """
    lines = paragraph.strip().split("\n")
    for count in range(1, min(MOST_HEADINGS, len(lines) - 1) + 1):
        following = lines[count].strip()
        if all(_is_heading(line.strip(), following) for line in lines[:count]):
            return [*lines[:count], "\n".join(lines[count:])]
    return [paragraph]


def _is_heading(line: str, following: str) -> bool:
    is_short = len(line) <= LONGEST_HEADING and 0 < len(line) * HEADING < len(following)
    if not is_short or GOES_ON.search(line) or following[0].islower():
        return False
    return line.rsplit(maxsplit=1)[-1].lower() not in EMPTY


def asked(text: str) -> set[str]:
    """The terms of a question or a claim without the stop words of its language, which is taken to
    be that of which it has most; all terms where nothing else is left.
    """
    words = set(WORD.findall(text.lower()))
    stopped = [languages.stop_words_among(words, one) for one in languages.STOPPED]
    most = max(stopped, key=len)
    dull = most if len(most) > len(words & EMPTY) else ()
    return terms(text, dull) or terms(text)


def terms(text: str, dull: Collection[str] = ()) -> set[str]:
    """The telling words of a text without their endings; pairs of characters, simplified, where
    words are not set apart.
    """
    found: set[str] = set()
    for word in WORD.findall(text.lower()):
        if WIDE.search(word):
            pairs = set(map("".join, pairwise(plain := simplified(word))))
            found |= {pair for pair in pairs if not EMPTY_WIDE.issuperset(pair)} or {plain}
        elif word not in EMPTY and word not in dull and (len(word) > 1 or word.isdigit()):
            found.add(ENDING.sub("", word))
    return found


def likeness(sentence: str, wanted: set[str]) -> float:
    """How much of what is wanted the sentence says; of two that say the same, the shorter."""
    said = terms(sentence)
    return len(said & wanted) - len(said) / 1000


def best(candidates: Iterable[str], wanted: set[str]) -> str | None:
    """The sentence that says most of what is wanted, None if none says anything of it."""
    found = max(candidates, key=lambda sentence: likeness(sentence, wanted), default=None)
    return found if found is not None and terms(found) & wanted else None


def quote(passage: str, claim: str) -> str:
    """The sentence of a passage that best supports what is claimed, else how the passage begins."""
    found = sentences(passage)
    chosen = best(found, asked(claim)) or (found[0] if found else "")
    return chosen if len(chosen) <= MAX_QUOTE else f"{chosen[: MAX_QUOTE - 1]}…"


def claim(said: str) -> str:
    """What a citation at the end of a text is for: the last sentence before it, which may be
    closed already, and may have been cited before.
    """
    plain = MARKERS.sub("", said[-LONGEST_CLAIM:]).rstrip(" \n.!?。！？")
    return sentences(plain)[-1] if plain.strip() else ""
