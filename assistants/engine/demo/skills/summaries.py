"""Summarises attached files: a table in numbers, a text by what can be counted."""

from collections.abc import Sequence

from assistants.engine.demo import opening, words
from assistants.engine.demo.conversation import AttachedFile, Conversation
from assistants.engine.demo.fence import shortened
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import RunCode, Say
from assistants.engine.demo.telling import plainly
from assistants.engine.demo.words import Language, heard

ASKED = heard(
    r"\b(?:summar\w+|describe|overview|analy[sz]\w+|explore|statistics|stats|inspect|outline|read|open|head)\b"
    r"|\bwhat(?:'s| is| are| does)\b.{0,30}\b(?:in|say|contain|about|inside|columns?|file|data)\b"
    r"|\b(?:look at|tell me about|show me|how many (?:rows|lines|words|columns))\b"
    r"|摘要|總結|描述|分析|統計|概述|概要|看看|內容|幾[列行筆欄]"
)
ABOUT_FILES = heard(
    r"\b(?:file|csv|data|dataset|table|document|text|pdf|spreadsheet|excel|attach\w*|upload\w*|rows|columns?)\b"
    r"|檔|資料|數據|文件|附件|表格"
)
MOST_COLUMNS = 8
MOST_FILES = 8
NEXT_FILE = "-- next file --"


def plan(conversation: Conversation) -> RunCode | Say | None:
    text = conversation.text
    meant = conversation.meant_files
    if not meant:
        asked_too_early = ASKED.search(text) and ABOUT_FILES.search(text)
        return Say(words.NEED_FILE.say(conversation.language)) if asked_too_early else None
    named = any(file.name.lower() in text.lower() for file in meant)
    if not (named or ASKED.search(text) or ABOUT_FILES.search(text)):
        return None
    return _one_after_another(meant[:MOST_FILES], conversation.language)


def _one_after_another(meant: Sequence[AttachedFile], language: Language) -> RunCode | Say:
    """One call for all the files; what it prints of each is told of each. Empty ones are named."""
    empty = [
        words.NAMED_EMPTY_FILE.say(language, name=file.name) for file in meant if not file.size
    ]
    meant = [file for file in meant if file.size]
    if not meant:
        return Say("\n\n".join(empty))
    parts = [_table(file, language) if file.is_table else _text(file, language) for file in meant]
    separator = f"\n\nprint('{NEXT_FILE}')\n\n"

    def told(output: Output) -> str:
        printed = output.printed.split(f"\n{NEXT_FILE}\n")
        said = [
            part.told(Output(one.strip("\n"))) for part, one in zip(parts, printed, strict=False)
        ]
        said += empty
        if not all(file.is_table for file in meant):
            said.append(words.COUNTED_ONLY.say(language))
        return "\n\n".join(said)

    second_try = None
    if any(part.second_try for part in parts):
        second_try = separator.join((part.second_try or part.code).strip() for part in parts)
    return RunCode(separator.join(part.code.strip() for part in parts), told, second_try)


def _table(file: AttachedFile, language: Language) -> RunCode:
    def code(read: str) -> str:
        return f"""\
import pandas as pd

{read}

print('rows:', data.shape[0])
print('columns:', data.shape[1])
print('missing:', data.isna().sum().sum())

few = data.iloc[:, :{MOST_COLUMNS}]
print(few.head().to_markdown(index=False))
print()
print(few.describe(include='all').T.fillna('').to_markdown())
"""

    def told(output: Output) -> str:
        rows, columns = output.value("rows"), output.value("columns")
        missing = output.value("missing")
        if rows is None or columns is None:
            return plainly(language, output)
        gaps = words.NONE_MISSING.say(language)
        if missing not in {"0", None}:
            gaps = words.SOME_MISSING.say(language, count=missing)
        said = [
            words.TABLE_SUMMARY.say(
                language, name=file.name, rows=rows, columns=columns, missing=gaps
            )
        ]
        headings = (words.FIRST_ROWS, words.NUMBERS_OF_COLUMNS)
        for heading, table in zip(headings, output.tables(), strict=False):
            said += [heading.say(language), table]
        return "\n\n".join(said)

    return RunCode(code(opening.as_table(file)), told, code(opening.as_untidy_table(file)))


def _text(file: AttachedFile, language: Language) -> RunCode:
    code = f"""\
import re
from collections import Counter

{opening.as_text(file)}

words = re.findall(r"[^\\W\\d_]+(?:'[^\\W\\d_]+)?", text)
print('lines:', len(text.splitlines()))
print('words:', len(words))
print('characters:', len(text))

long_words = Counter(word.lower() for word in words if len(word) > 3)
print('frequent:', ', '.join(f'{{word}} ({{count}})' for word, count in long_words.most_common(10)))

sentences = re.split(r'(?<=[.!?])\\s+|(?<=[。！？])\\s*', ' '.join(text[:5000].split()))
print('beginning:', ' '.join(sentences[:3])[:600])
"""

    def told(output: Output) -> str:
        counts = {name: output.value(name) for name in ("lines", "words", "characters")}
        if None in counts.values():
            return plainly(language, output)
        said = [words.TEXT_SUMMARY.say(language, name=file.name, **counts)]
        if frequent := output.value("frequent"):
            said.append(words.FREQUENT_WORDS.say(language, words=frequent))
        if beginning := output.value("beginning"):
            quoted = f"> {shortened(beginning, 600)}"
            said.append(words.BEGINS_WITH.say(language, beginning=quoted))
        return "\n\n".join(said)

    return RunCode(code, told)
