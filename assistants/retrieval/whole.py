"""Queries that ask for documents as a whole, such as "summary", "What is in this file?" or
「請摘要這份文件」. What is wanted is not passages that have such words: it is how documents begin.

Judged by lists of words, in the languages that the demo model answers in. A query with any other
word in it asks for that.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath

from assistants.retrieval import languages
from assistants.retrieval.chinese import simplified
from assistants.retrieval.segments import INVISIBLE, UNSPACED

LONGEST = 300
"""Characters; who writes more asks for something in particular."""

ASKING = (
    r"summar\w*|overviews?|outline\w*|synopsis|gist|recap\w*|tldr|takeaways?|highlights?"
    r"|zusammen\w*|überblick\w*|übersicht|hauptpunkte|inhaltsangabe"
    r"|résum\w*|resúm\w*|resum(?:en|ir|o|a|iendo|indo)|synthèse|aperçu|síntesis|síntese|riassu\w*|riepilog\w*|sintesi"
    r"|samenvat\w*|samen|overzicht|hoofdpunten|резюм\w*|обобщ\w*|переска\w*|кратк\w*"
)
MEANT = (
    r"documents?|docs?|files?|attachments?|attached|uploaded|pdfs?|docx|pptx"
    r"|dokument\w*|datei\w*|anhang|angehängt\w*|hochgeladen\w*|fichiers?|jointe?s?"
    r"|documentos?|archivos?|ficheros?|adjunt[oa]s?|documenti|allegat[oi]|arquivos?|ficheiros?"
    r"|anex\w*|documenten|bestand\w*|bijlagen?|документ\w*|файл\w*|вложени\w*"
)
BESIDE = (
    r"about|says?|said|tells?|told|contain\w*|contents?|describ\w*|descriptions?|explain\w*|analy[sz]\w*"
    r"|main|key|important|points?|ideas?|topics?|themes?|subjects?|findings?|purpose|brief\w*|short"
    r"|whole|entire|full|first|new\w*|latest|titles?|authors?|wr[io]te\w*|written|read\w*|look\w*"
    r"|show\w*|list\w*|gives?|make|provide\w*|get|information|data|texts?|pages?|reports?|papers?|articles?"
    r"|resume|books?|contracts?|manuals?|letters?|notes?|slides?|presentations?|essays?|please|want|need"
    r"|like|help|sentences?|words?|bullets?|paragraphs?|one|two|three|four|five|quick\w*|concise\w*"
    r"|inhalt\w*|steht|stehen|bitte|kurz|wichtigst\w*|punkte|fass\w*|gib\w*|text\w*|worum|geht"
    r"|contenu\w*|contient|parle|principa\w*|dit|bref|brève\w*|textes?|clés?|pièces?|faire?|fais|faites"
    r"|donnez?|plaît|conten\w*|contiene|dice|trata|puntos|textos?|haz|favor|breve\w*|fai|fammi|testo"
    r"|punti|cosa|parla|conteúdo|contém|diz|pontos|faça|faz|inhoud|bevat|staat|belangrijkste|punten|vat|geef"
    r"|alstublieft|содерж\w*|говор\w*|главн\w*|основн\w*|мысл\w*|пункт\w*|пожалуйста|сделай\w*|дай\w*"
)
PHRASES = re.compile(
    r"\b(?:main|key) (?:points?|ideas?|topics?|themes?|findings?|messages?)\b|\btl;dr\b"
    r"|^\W*what(?:['’]s| is| are) (?:this|it|that|these|they)(?: all)? about\W*$"
)
"""More ways to ask, of words that do not each for itself."""
INDEFINITE = re.compile(
    rf"\b(?:an?|how|where|why)\b(?=.*\b(?:{MEANT})\b)|什么是|怎么|如何|怎样|どう"
)
"""Asks about documents as such, as "what is a document?" and "how do I open a file?" do."""

WIDE_ASKING = (
    "摘要|总结|概述|概要|概括|大意|大纲|要点|重点|主旨|简介|归纳|梗概|提要|主要内容"
    "|要约|まとめ|要旨|あらすじ|요약|개요|정리"
)
WIDE_MEANT = (
    "文件|档案|文档|附件|附档|檔案|文書|文书|書類|书类|ファイル|ドキュメント|添付|문서|파일|첨부"
)
WIDE_BESIDE = (
    "内容|资料|报告|文章|文本|论文|合约|合同|手册|简报|投影片|幻灯片|说明|介绍|描述|分析|主题|标题|题目|作者"
    "|告诉|上传|附上|提供|主要|一下|一份|简单|简短|简要|重要|整理|列出|关于|里面|哪些|什么|可以|能否|是否"
    "|里头|有关|全部|整|全|请|帮|我|您|你|给|这|那|该|此|份|个|篇|些|几|的|了|是|在|有|里|中|内|上|讲|说|写|着|谈|看"
    "|读|做|用|为|吗|呢|吧|把|将|对|到|能|要|和|与|并|都|句|话|字|点|一|二|三|五|十|中文|英文|繁体|简体"
    "|ください|下さい|書かれ|书かれ|教えて|について|してい|ています|です|ます|した|して|する|この|その|これ|それ"
    "|何|なに|全体|主な|を|は|の|に|が|で|と|か|て|い|も"
    "|내용|주요|핵심|해주세요|해줘|주세요|주십시오|무엇|뭐|대해|대한|있|어|나요|습니까|입니까|인가요|들|이|그|저"
    "|을|를|은|는|가|에|의|로|해|줘|된"
)

WIDE_RUN = re.compile(f"[{UNSPACED}]+")
LETTER = rf"[^\W_{UNSPACED}]"
WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)?")
_KNOWN = re.compile(f"{ASKING}|{MEANT}|{BESIDE}")
_BESIDE = re.compile(BESIDE)
_ASKS = re.compile(rf"(?<!{LETTER})(?:{ASKING})(?!{LETTER})|{WIDE_ASKING}")
_MEANS = re.compile(rf"(?<!{LETTER})(?:{MEANT})(?!{LETTER})|{WIDE_MEANT}")
_ALL_WIDE = f"{WIDE_ASKING}|{WIDE_MEANT}|{WIDE_BESIDE}".split("|")
_WIDE = re.compile("|".join(sorted(_ALL_WIDE, key=len, reverse=True)))
_EXTENSION = re.compile(r"\.[a-z]{1,5}(?![a-z])")


def may_ask(query: str) -> bool:
    """Whether it is worth to look for the names of files: most queries are no such ones."""
    plain = _plain(query) if len(query) <= LONGEST else ""
    return any(one.search(plain) for one in (_ASKS, PHRASES, _MEANS, _EXTENSION))


def meant(query: str, names: Collection[str]) -> set[str]:
    """Which of these files a query asks for as a whole, by their names: those that it names, else
    those that are called what it calls them ("the report"), else all. None when it asks for
    anything in particular.
    """
    if not may_ask(query):
        return set()
    plain, said = _plain(query), set()
    for name in sorted(names, key=len, reverse=True):
        if len(name) > 2 and (written := _plain(name)) in plain:
            plain = plain.replace(written, " ")
            said.add(name)
    left = _left(plain)
    if said:
        return set() if left else said
    asks = _ASKS.search(plain) or PHRASES.search(plain)
    if not asks and (INDEFINITE.search(plain) or not _MEANS.search(plain)):
        return set()
    fitting = {name for name in names if not left or _has(name, left)}
    kinds = {word for word in WORD.findall(plain) if _BESIDE.fullmatch(word)}
    most = max((len(kinds & _words(name)) for name in fitting), default=0)
    return {name for name in fitting if len(kinds & _words(name)) == most}


def named(query: str, names: Iterable[str]) -> set[str]:
    """The files that a query names without their extensions, and nothing else."""
    plain = _plain(query) if len(query) <= LONGEST else ""
    said = set(WORD.findall(plain)) | set(WIDE_RUN.findall(plain))
    return {name for name in names if said and said == _words(name)}


def _plain(text: str) -> str:
    return simplified(unicodedata.normalize("NFKC", text).translate(INVISIBLE).casefold())


def _left(plain: str) -> list[str]:
    """What a query says beside that it asks, in the language in which that is least."""
    wide = [rest for run in WIDE_RUN.findall(plain) for rest in _WIDE.sub(" ", run).split() if rest]
    found = WORD.findall(PHRASES.sub(" ", plain))
    words = [word for word in found if not _KNOWN.fullmatch(word)]
    among = set(words)
    least: Collection[str] = among
    for language in ("english", *languages.STOPPED):
        rest = among.difference(languages.stop_words_among(among, language))
        least = min(least, rest, key=len)
    return [*wide, *(word for word in words if word in least)]


def _has(name: str, left: Sequence[str]) -> bool:
    """Whether all of that is in a file's name."""
    words = _words(name)
    wide = "".join(WIDE_RUN.findall(_plain(name)))
    return all(one in words or (WIDE_RUN.match(one) and one in wide) for one in left)


def _words(name: str) -> set[str]:
    stem = _plain(PurePath(name).stem)
    return set(WORD.findall(stem)) | set(WIDE_RUN.findall(stem))
