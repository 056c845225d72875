"""Cutting text into the words that the index knows.

What has spaces between its words becomes stems in lower case, without accents; names in code are
kept whole and in parts. What has none (Chinese, Japanese, Thai; Korean, whose words have many
endings) becomes pairs of neighbouring characters, Chinese ones simplified. See docs/retrieval.md.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from assistants.retrieval import languages
from assistants.retrieval.chinese import simplified
from assistants.retrieval.languages import LANGUAGES

__all__ = ["LANGUAGES", "Segmented", "Way", "document", "query"]

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b2ff"
    "\U00020000-\U0003ffff"
)
MARKS = "".join(
    chr(code)
    for code in range(0x300, 0x1E00)
    if unicodedata.category(chr(code)).startswith("M") and not re.match(f"[{UNSPACED}]", chr(code))
)
"""Vowel signs and the like, which belong to a word but are no letters to ``re``."""
LETTER = rf"[^\W{UNSPACED}]"
ENDING = "(?:['’](?:s|t|d|m|re|ve|ll|S|T|D|M|RE|VE|LL)\\b)?"
TOKEN = re.compile(
    rf"([{UNSPACED}]+)"
    rf"|(\d+(?:[.,]\d+)+(?![\w{MARKS}]))"
    rf"|({LETTER}+(?:[{MARKS}]+{LETTER}*)*{ENDING})"
)
ASCII_TOKEN = re.compile(rf"(\0)|(\d+(?:[.,]\d+)+(?!\w))|(\w+{ENDING})", re.ASCII)
"""Both match a run without spaces, a number with a point in it, or a word."""
NAME = re.compile(r"[^\W_].*_.*[^\W_]|.*[a-z][A-Z]|.*[A-Z]{2}[a-z]|.*[^\W\d_]\d|.*\d[^\W\d_]")
"""A name in code, such as snake_case, camelCase, HTTPServer, utf8."""
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
DULL: Final = frozenset("的了是在有吗呢吧请问我你他她它们这那什么哪谁和与及或也都就")
"""Chinese characters that are for that language what stop words are for others."""
MAX_QUERY = 4_000
"""Characters of a query that are looked for: some 700 words. A whole book as a query would keep its
searcher busy for seconds.
"""
MAX_WORD = 100
"""Characters of a word that the index has; base64 and the like are not looked for to the end."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which the index may have a word: the field, and what stands in it."""

    field: str
    word: str


@dataclass(frozen=True, slots=True)
class Segmented:
    """A passage as the index has it.

    ``words`` are what is looked for; ``rest`` is what is looked for only when a query has nothing
    else, stop words and single characters of a longer run.
    """

    words: list[str]
    rest: list[str]
    language: str


def document(text: str) -> Segmented:
    """A passage's words, each as often as it occurs."""
    runs, numbers, words = _split(text)
    language = languages.language_of(words)
    stopped = languages.stop_words_among(set(words), language)
    rest = [word for word in words if word in stopped]
    words = [word for word in words if word not in stopped]
    pairs = [pair for run in runs for pair in _pairs(run)]
    single = sorted({character for run in runs if len(run) > 1 for character in run})
    return Segmented([*_stems(words, language), *numbers, *pairs], [*rest, *single], language)


INVISIBLE: Final = dict.fromkeys(
    (
        0xAD,
        0x61C,
        0x180E,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
    )
)
"""What may stand within a word and is not seen: a hyphen that is only shown at the end of a line,
marks that allow or forbid one, joiners, signs of direction.
"""


def query(text: str, known: Collection[str]) -> list[tuple[Way, ...]]:
    """A query's words, each in every way in which passages of the ``known`` languages have it.

    A query is too short to tell its own language, and the same word ends differently in each. Of a
    long one the beginning counts.
    """
    runs, numbers, words = _split(text[:MAX_QUERY])
    known = sorted(known) or ["english"]
    stopped = {language: languages.stop_words_among(set(words), language) for language in known}
    found: list[tuple[Way, ...]] = []
    most = max(map(len, stopped.values()))
    # The query speaks the language of which it has most stop words: they say nothing, although they
    # may be rare in texts of the others.
    dull = {word for those in stopped.values() if len(those) == most for word in those}
    for word in words:
        speaking = [language for language in known if word not in {*dull, *stopped[language]}]
        ways = dict.fromkeys(stem for one in speaking for stem in _stems([word], one))
        if ways:
            found.append(tuple(Way("words", stem) for stem in ways))
    found += [(Way("words", number),) for number in numbers]
    for run in runs:
        if len(run) > 1:
            found += [(Way("words", pair),) for pair in _pairs(run)]
        else:
            found.append((Way("words", run), Way("rest", run)))
    return found or [(Way("rest", word),) for word in words]


def says_little(words: Collection[tuple[Way, ...]]) -> bool:
    """Whether a query of these words has nothing but stop words."""
    return all(way.field == "rest" or DULL.issuperset(way.word) for ways in words for way in ways)


def _split(text: str) -> tuple[list[str], list[str], list[str]]:
    """Runs without spaces, numbers with a point in them, words in lower case."""
    runs, numbers, words = [], [], []
    if text.isascii():
        tokens = ASCII_TOKEN.findall(text)
    else:
        tokens = TOKEN.findall(unicodedata.normalize("NFKC", text).translate(INVISIBLE))
    for run, number, word in tokens:
        if run:
            runs.append(simplified(run))
        elif number:
            numbers.append(number.replace(",", ""))
        elif word.isalpha() and (word.islower() or word[1:].islower()):
            words.append(word.lower()[:MAX_WORD])
        elif NAME.match(word):
            words.append(word.lower()[:MAX_WORD])
            words += (part.lower() for part in PART.findall(word[:MAX_WORD]))
        elif plain := word.strip("_"):
            words.append(plain.lower().replace("’", "'")[:MAX_WORD])
    return runs, numbers, words


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        return iter([run])
    return map("".join, pairwise(run))


def _stems(words: list[str], language: str) -> list[str]:
    if language == "english":  # whose accents are others', and in the stemmer's way
        words = _unaccented(words)
    return _unaccented(languages.stems(words, language))


def _unaccented(words: list[str]) -> list[str]:
    return [word if word.isascii() else _plain(word) for word in words]


def _plain(word: str) -> str:
    """Without accents, which many who search leave out."""
    letters = unicodedata.normalize("NFD", word)
    if not "a" <= letters[0] <= "z":
        return word
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
