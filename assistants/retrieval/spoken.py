"""Which language an embedding model meets in a text. It may not know it: then what it makes of the
text is worse than nothing.
"""

import re

SCRIPTS = (
    ("japanese", re.compile("[\u3040-\u30ff\u31f0-\u31ff]")),
    ("korean", re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")),
    ("thai", re.compile("[\u0e00-\u0e7f]")),
    ("chinese", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
)
"""Of languages that have few spaces or none. Japanese is the one with kana in between."""
NAMES = (
    "english", "danish", "dutch", "finnish", "french", "german", "hungarian", "italian",
    "norwegian", "portuguese", "russian", "spanish", "swedish", "greek", "armenian", "arabic",
    "hindi", "tamil", "chinese", "japanese", "korean", "thai",
)  # fmt: skip
OTHER = "other"
"""What has letters of any other script."""
SAMPLE = 2000
"""Characters that are looked at."""
LATIN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")
WORD = re.compile(r"[^\W\d_]+")
CHARACTER = 3
"""A character of those languages says as much as so many letters."""
KANA = 0.1
"""The share of them that makes Chinese characters Japanese."""


def language_of(text: str) -> str:
    """One of ``NAMES``, or ``OTHER``. Latin letters that nothing tells of are English."""
    sample = text[:SAMPLE]
    if sample.isascii():
        wide, letters = {}, 0
    else:
        wide = {name: len(script.findall(sample)) for name, script in SCRIPTS}
        letters = sum(map(len, WORD.findall(sample))) - sum(wide.values())
    total = sum(wide.values())
    if total * CHARACTER > letters and total:
        if wide["japanese"] > KANA * total:
            return "japanese"
        return max(wide, key=lambda name: wide[name])
    return _spaced(sample, letters)


def _spaced(sample: str, letters: int) -> str:
    # Imported here: settings ask this module for names alone.
    from assistants.retrieval import languages

    found = languages.language_of(WORD.findall(sample.lower()))
    if found in languages.LATIN and len(LATIN.findall(sample)) * 2 < letters:
        return OTHER
    return found
