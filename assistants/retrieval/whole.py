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

SUMMARIES = (
    r"summar(?:y|ies|i[sz](?:e[sd]?|ing|ations?))|overviews?|synopsis|gist|recap(?:s|ped|ping)?|tldr"
    r"|takeaways?|zusammenfass(?:en?|t|ung|ungen)|zusammen(?:gefasst|zufassen)"
    r"|fass(?:en?|t)?(?=.* zusammen\b)|überblicks?|übersicht|hauptpunkte|inhaltsangaben?"
    r"|résum(?:és?|er?|es|ez|ons)|resúm(?:enes|e(?:me|lo|la|los|las|nos))"
    r"|resum(?:en|ir|os?|as?|iendo|indo)|synthèse|aperçu|síntesis|síntese"
    r"|riassunt[oi]|riassum(?:[io]|ere|im[io]|il[oiae])|riepilog(?:o|hi|a|are|ami)|sintesi"
    r"|samenvat(?:t?en|ting|tingen)?|samengevat|vat(?=.* samen\b)|overzicht|hoofdpunten"
    r"|резюм(?:е|ируй|ируйте|ировать)|обобщ(?:и|ите|ить|ение|ения)|переска(?:з|жи|жите|зать)"
)
DOCUMENTS = (
    r"documents?|docs?|files?|attachments?|pdfs?|docx|pptx"
    r"|dokument(?:e?s|en?)?|datei(?:en)?|anhang|fichiers?"
    r"|documentos?|archivos?|ficheros?|adjunt[oa]s?|documenti|allegat[oi]|arquivos?|ficheiros?"
    r"|anexos?|documenten|bijlagen?|(?:документ|файл)(?:а|у|ом|е|ы|ов|ам|ами|ах)?"
    r"|вложени(?:[еяюий]|ем|ям|ями|ях)"
)
BESIDE = (
    r"about|says?|said|tells?|told|contain(?:s|ed|ing)?|contents?|describ(?:e[sd]?|ing)|descriptions?"
    r"|explain(?:s|ed|ing)?|analy[sz](?:e[sd]?|ing)|analysis|attached|uploaded|outline[sd]?|highlights?"
    r"|main|key|important|points?|ideas?|topics?|themes?|subjects?|findings?|purpose|brief|briefly|short"
    r"|whole|entire|full|first|new|newest|latest|titles?|authors?|writes?|wrote|written"
    r"|read|reads|look|looks|show|shows|list|lists|gives?|make|provide[sd]?|get|information|data|texts?"
    r"|pages?|reports?|papers?|articles?"
    r"|resume|books?|contracts?|manuals?|letters?|notes?|slides?|presentations?|essays?|please|want|need"
    r"|like|help|sentences?|words?|bullets?|paragraphs?|one|two|three|four|five|quick|quickly"
    r"|concise|concisely"
    r"|inhalte?s?|steht|stehen|bitte|kurz|wichtigste[nrs]?|punkte|fass(?:en?|t)?|zusammen|gib|textes?"
    r"|texten|worum|geht|angehängte[nrs]?|hochgeladene[nrs]?|hochgeladen|angehängt"
    r"|contenus?|contient|parle|principa(?:l|le|les|ux|is|li)|dit|bref|brèves?|brèvement|clés?|pièces?"
    r"|jointe?s?|faire?|fais|faites|donnez?|plaît|contenido|contenuto|contiene|dice|trata|puntos|textos?"
    r"|haz|favor|breves?|brevemente|fai|fammi|testo|punti|cosa|parla|conteúdo|contém|diz|pontos|faça|faz"
    r"|anexad[oa]s?|inhoud|bevat|staat|belangrijkste|punten|vat|samen|geef|bestand|bestanden|alstublieft"
    r"|содерж(?:ание|ании|анию|ания|ит|ится|ат)|говор(?:ит|ится|ят)|(?:главн|основн)(?:ая|ое|ой|ом|ую|ые|ый|ых)"
    r"|мысл(?:ь|и|ей|ях)|пункт(?:а|ы|ов|ам|ах)?|пожалуйста|(?:сделай|дай)(?:те)?"
    r"|кратк(?:о|ий|ое|ого|ая|ую|ой|ие|их)"
)
PHRASES = re.compile(
    r"\b(?:main|key) (?:points?|ideas?|topics?|themes?|findings?|messages?)\b|\btl;dr\b"
    r"|^\W*what(?:['’]s| is| are) (?:this|it|that|these|they)(?: all)? about\W*$"
    r"|\b(?:outlines?|highlights) of\b|^\W*outline (?:the|this|my)\b|\bthe attached\b"
    r"|\bpièces? jointes?\b|\b(?:het|dit|dat|mijn|de|deze) bestand(?:en)?\b"
)
"""More ways to ask, of words that do not each for itself."""
INDEFINITE = re.compile(
    rf"\b(?:an?|how|where|why)\b(?=.*\b(?:{DOCUMENTS})\b)|什么是|怎么|如何|怎样|どう"
)
"""Asks about documents as such, as "what is a document?" and "how do I open a file?" do."""

WIDE_SUMMARIES = (
    "摘要|总结|概述|概要|概括|大意|大纲|要点|重点|主旨|简介|归纳|梗概|提要|主要内容"
    "|要约|まとめ|要旨|あらすじ|요약|개요|정리"
)
WIDE_DOCUMENTS = (
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
IN_NAME = rf"[^\W{UNSPACED}]"
"""Of a script with spaces: before or after a name it makes that a longer one."""
WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)?")
_KNOWN = re.compile(f"{SUMMARIES}|{DOCUMENTS}|{BESIDE}")
_BESIDE = re.compile(BESIDE)
_ASKS = re.compile(rf"(?<!{LETTER})(?:{SUMMARIES})(?!{LETTER})|{WIDE_SUMMARIES}")
_MEANS = re.compile(rf"(?<!{LETTER})(?:{DOCUMENTS})(?!{LETTER})|{WIDE_DOCUMENTS}")
_ALL_WIDE = f"{WIDE_SUMMARIES}|{WIDE_DOCUMENTS}|{WIDE_BESIDE}".split("|")
_WIDE = re.compile("|".join(sorted(_ALL_WIDE, key=len, reverse=True)))
_EXTENSION = re.compile(r"\.[a-z]{1,5}(?![a-z])")


def may_ask(query: str) -> bool:
    """Whether a query may ask for whole documents, by its words alone. Few do, and only for those
    need the names of files be looked at.
    """
    plain = _plain(query) if len(query) <= LONGEST else ""
    return _asks(plain) or bool(_EXTENSION.search(plain))


def meant(query: str, names: Collection[str]) -> set[str]:
    """Which of these files a query asks for as a whole, by their names: those that it names, else
    those that are called what it calls them ("the report"), else all. Empty when it asks for
    anything in particular.
    """
    if not may_ask(query):
        return set()
    plain, said = _plain(query), set()
    for name in sorted(names, key=len, reverse=True):
        if len(name) > 2 and (written := _plain(name)) in plain and _is_name(written):
            plain, times = _whole(written).subn(" ", plain)
            if times:
                said.add(name)
    left = _left(plain)
    if said:
        return set() if left else said
    if not _asks(plain):
        return set()
    fitting = {name for name in names if not left or _has(name, left)}
    kinds = {word for word in WORD.findall(plain) if _BESIDE.fullmatch(word)}
    if not kinds:
        return fitting
    shared = {name: len(kinds & _words(name)) for name in fitting}
    most = max(shared.values(), default=0)
    return {name for name in fitting if shared[name] == most}


def named(query: str, names: Iterable[str]) -> set[str]:
    """The files that a query names without their extensions, and nothing else."""
    plain = _plain(query) if len(query) <= LONGEST else ""
    said = set(WORD.findall(plain)) | set(WIDE_RUN.findall(plain))
    return {name for name in names if said and said == _words(name)}


def _asks(plain: str) -> bool:
    if _ASKS.search(plain) or PHRASES.search(plain):
        return True
    return bool(_MEANS.search(plain)) and not INDEFINITE.search(plain)


def _is_name(written: str) -> bool:
    """Whether a query that has it names a file: "all" or "doc" may be any word of it."""
    return bool(PurePath(written).suffix or _left(written))


def _whole(written: str) -> re.Pattern[str]:
    """A file's name that is not part of a longer one: "a.md" is not in "data.md"."""
    before = rf"(?<!{IN_NAME})" if re.match(IN_NAME, written[0]) else ""
    after = rf"(?!{IN_NAME})" if re.match(IN_NAME, written[-1]) else ""
    return re.compile(before + re.escape(written) + after)


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
