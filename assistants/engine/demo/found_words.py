"""What frames an answer from documents, in the question's own language: people search files in more
languages than the demo speaks otherwise.
"""

import re
from collections.abc import Iterable
from typing import Final

from assistants.engine.demo.words import (
    FILES_BEGIN,
    FOUND,
    NO_FILES,
    NOT_READ,
    NOTHING_FOUND,
    Language,
)
from assistants.retrieval import languages, spoken
from assistants.retrieval.chinese import is_simplified, simplified

SAID: Final = {
    "german": (
        "In Ihren Dateien steht:",
        "In Ihren Dateien habe ich dazu nichts gefunden.",
        "So beginnen Ihre Dateien:",
    ),
    "french": (
        "Vos fichiers disent :",
        "Je n'ai rien trouvé à ce sujet dans vos fichiers.",
        "Vos fichiers commencent ainsi :",
    ),
    "spanish": (
        "Sus archivos dicen:",
        "No he encontrado nada sobre eso en sus archivos.",
        "Sus archivos empiezan así:",
    ),
    "italian": (
        "I suoi file dicono:",
        "Nei suoi file non ho trovato nulla al riguardo.",
        "I suoi file cominciano così:",
    ),
    "portuguese": (
        "Os seus ficheiros dizem:",
        "Não encontrei nada sobre isso nos seus ficheiros.",
        "Os seus ficheiros começam assim:",
    ),
    "dutch": (
        "In uw bestanden staat:",
        "Ik heb daarover niets gevonden in uw bestanden.",
        "Zo beginnen uw bestanden:",
    ),
    "russian": (
        "В ваших файлах сказано:",
        "В ваших файлах об этом ничего не нашлось.",
        "Ваши файлы начинаются так:",
    ),
    "japanese": (
        "ファイルには次のように書かれています:",
        "ファイルの中に該当する内容は見つかりませんでした。",
        "ファイルの冒頭は次のとおりです:",
    ),
    "korean": (
        "파일에는 다음과 같이 적혀 있습니다:",
        "파일에서 관련 내용을 찾지 못했습니다.",
        "파일은 다음과 같이 시작합니다:",
    ),
    "simplified": (
        "您的文件里写着：",
        "我搜索了您的文件，没有找到相关内容。",
        "我只会引用，不会摘要；您的文件开头写着：",
    ),
}
"""Before what was found, when nothing was, before how files begin."""

WORD: Final = re.compile(r"[^\W\d_]+")


def found(question: str, language: Language, quotes: str) -> str:
    """What the files say.

    :param language: that of the demo's other words, ``en`` or ``zh``
    """
    if said := SAID.get(_language(question)):
        return f"{said[0]}\n\n{quotes}"
    return FOUND.say(language, quotes=quotes)


def begins(question: str, language: Language, quotes: str) -> str:
    """How the files begin; as ``found``."""
    if said := SAID.get(_language(question)):
        return f"{said[2]}\n\n{quotes}"
    return FILES_BEGIN.say(language, quotes=quotes)


def nothing(question: str, language: Language) -> str:
    """That nothing was found; as ``found``."""
    if said := SAID.get(_language(question)):
        return said[1]
    return NOTHING_FOUND.say(language)


def not_read(question: str, language: Language, files: Iterable[str]) -> str:
    """Which files cannot be searched, and why."""
    lines = "\n".join(f"- {file}" for file in files)
    return _script(question, NOT_READ.say(language, files=lines))


def no_files(question: str, language: Language) -> str:
    """That there is nothing to search."""
    return _script(question, NO_FILES.say(language))


def _script(question: str, said: str) -> str:
    return simplified(said) if _language(question) == "simplified" else said


def _language(question: str) -> str:
    """Of a question, which is too short for what tells the language of a text: that of which it has
    most stop words.
    """
    name = spoken.language_of(question)
    if name == "chinese":
        return "simplified" if is_simplified(question) else name
    if name != "english":
        return name
    words = set(WORD.findall(question.lower()))
    counts = {
        one: len(languages.stop_words_among(words, one))
        for one in ("english", *SAID)
        if one in languages.LATIN
    }
    return max(counts, key=lambda one: counts[one])
