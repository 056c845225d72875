"""Puts what code gave into words, the same way for every skill."""

from assistants.engine.demo import words
from assistants.engine.demo.fence import fenced, shortened
from assistants.engine.demo.output import Output
from assistants.engine.demo.words import Language

LONGEST_ECHO = 4_000
"""Characters of printed output that an answer repeats."""


def plainly(language: Language, output: Output) -> str:
    """What code gave, when no more is known about it."""
    if output.printed:
        printed = fenced(shortened(output.printed, LONGEST_ECHO))
        return words.RAN.say(language, printed=printed)
    return (words.RAN_WITH_IMAGE if output.images else words.RAN_SILENTLY).say(language)


def drawn(language: Language, output: Output, text: str) -> str:
    """`text`, if there is a picture as it says; else what happened in its place."""
    if output.images:
        boxes = "missing from font" in output.printed
        return f"{text}\n\n{words.NO_GLYPHS.say(language)}" if boxes else text
    said = [words.NO_PICTURE.say(language)]
    if output.printed:
        said.append(fenced(shortened(output.printed, LONGEST_ECHO)))
    return "\n\n".join(said)
