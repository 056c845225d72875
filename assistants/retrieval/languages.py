"""Which language a text is in, as far as stems and stop words need to know."""

import re
import threading
from collections.abc import Collection
from functools import cache

import Stemmer
import tantivy

ENGLISH = frozenset(
    re.findall(
        r"\S+",
        """
    a about above after again against all also although am among an and any are as at be because
    been before being below between both but by can cannot could did do does doing done down during
    each either else etc ever every few for from further had has have having he hence her here hers
    herself him himself his how however i if in into is it its itself just let may me might more
    most much must my myself neither no nor not now of off on once only onto or other ought our ours
    ourselves out over own per rather same shall she should since so some such than that the their
    theirs them themselves then there therefore these they this those though through thus to too
    toward towards under until up upon us very via was we were what when where whether which while
    who whom whose why will with within without would yet you your yours yourself yourselves
    don't doesn't didn't isn't aren't wasn't weren't won't can't i'm i've i'd i'll it's that's
    there's what's let's we're they're you're
    """,
    )
)
"""English stop words; those that are built into tantivy are a quarter of them."""

STOPPED = (
    "danish", "dutch", "finnish", "french", "german", "hungarian", "italian", "norwegian",
    "portuguese", "russian", "spanish", "swedish",
)  # fmt: skip
"""Languages with stop words in tantivy, which tell a language by how many a text has of them."""

BY_SCRIPT = (
    (re.compile("[\u0370-\u03ff]"), "greek"),
    (re.compile("[\u0400-\u04ff]"), "russian"),
    (re.compile("[\u0530-\u058f]"), "armenian"),
    (re.compile("[\u0600-\u06ff]"), "arabic"),
    (re.compile("[\u0900-\u097f]"), "hindi"),
    (re.compile("[\u0b80-\u0bff]"), "tamil"),
)
LATIN = tuple(name for name in ("english", *STOPPED) if name != "russian")
LANGUAGES = (*LATIN, *(name for _, name in BY_SCRIPT))
"""Every language that a text may be taken for."""

SAMPLE = 200
"""Words that are looked at to tell the language of a text."""
CLEARLY = 4
"""English text has a stop word among so many words at least; of no other language are so many."""
EVIDENCE = 3
"""Stop words that must speak for another language than English."""


def language_of(words: list[str]) -> str:
    """The language of a text of these words, in lower case; English when nothing tells."""
    sample = words[:SAMPLE]
    line = " ".join(sample)
    if not line.isascii():
        for script, language in BY_SCRIPT:
            if len(script.findall(line)) * 2 > len(line) - len(sample):
                return language
    english = sum(word in ENGLISH for word in sample)
    if english * CLEARLY > len(sample):
        return "english"
    best, most = "english", max(english, EVIDENCE - 1)
    for language in LATIN[1:]:
        found = len(sample) - len(_filter(language).analyze(line))
        if found > most:
            best, most = language, found
    return best


def stop_words_among(words: Collection[str], language: str) -> Collection[str]:
    """Which of these words say little in that language."""
    if language == "english":
        return ENGLISH.intersection(words)
    if language not in STOPPED:
        return ()
    return set(words).difference(_filter(language).analyze(" ".join(words)))


def stems(words: list[str], language: str) -> list[str]:
    """The words without their endings, by Snowball."""
    stemmers: dict[str, Stemmer.Stemmer] = _of_this_thread.__dict__
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(language)
    stemmed: list[str] = stemmers[language].stemWords(words)
    return stemmed


_of_this_thread = threading.local()
"""Stemmers, which two threads may not use at once."""


@cache
def _filter(language: str) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return builder.filter(tantivy.Filter.stopword(language)).build()
