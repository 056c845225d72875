"""Text files, whatever their encoding."""

import codecs
import re
from pathlib import Path

from assistants.retrieval.chunking import Page
from assistants.retrieval.unreadable import Unreadable

MAX_BYTES = 64 << 20
"""More than any text of as many tokens as a file may have."""
SAMPLE = 64 * 1024
"""Bytes that are looked at to tell the encoding."""

KINDS = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or protected Office document"),
    (b"\x89PNG\r\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"SQLite format 3", "a database"),
)
"""What begins so is no text, whatever its name says."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins as that of UTF-16 does."""

CHINESE = frozenset(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然"
    "没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理"
    "這來國個說們為時會過對裡後麼沒發當開經頭從動兩長樣現將與進實請關學電見問門間話語書車東並點種應機體業產無書"
)
KANA = frozenset(map(chr, range(0x3041, 0x30FF)))
KOREAN = frozenset(
    "이다는의가을에하고한지도로를은기사어그아나대있시자서리라전정인것들수면부과해보일으제게요상여만니장구소주안저스"
)
EVERYDAY = {"gb18030": range(0xB0, 0xD8), "big5": range(0xA4, 0xC7)}
"""First bytes of what these standards have as the characters of everyday use: a weaker sign."""
CYRILLIC = ("cp1251", "koi8-r")
RUSSIAN = frozenset("оеаинтсрвл")
MEANINGFUL = (
    ("gb18030", CHINESE),
    ("big5", CHINESE),
    ("big5hkscs", CHINESE),
    ("shift_jis", KANA),
    ("cp932", KANA),
    ("euc_jp", KANA),
    ("cp949", KOREAN),
    *((encoding, RUSSIAN) for encoding in CYRILLIC),
)
"""Encodings in which almost any bytes mean something, and what real text has much of."""
WESTERN = frozenset("äöüÄÖÜßéèêëàâîïôûùçñóáíúìòãõÉÀÇÑåøæÅØÆœ“”‘’„‚–—…€°«»£§©®·¿¡\xa0")
"""What Western European text has beside ASCII, in the encoding of Windows."""
PLAUSIBLE = 0.2
"""Share of such characters: real text has .3 and more, Russian .5, wrongly decoded text less."""

DRAWN = frozenset(map(chr, range(0x2500, 0x25A0)))
"""What boxes are drawn with, in the encodings of old terminals: nearly always another encoding."""

ASCII = dict.fromkeys(range(128))
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
MAX_CONTROL = 0.01
"""Share of control characters beyond which something is no text."""


ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
NEARLY = 2
"""So many characters of UTF-8 for each byte that is none make it UTF-8 with a fault."""


def read(path: str) -> list[Page]:
    """A text file is one page without a number."""
    return [Page(decode(load(path)))]


def read_json(path: str) -> list[Page]:
    """JSON with its letters as people read them: many programs write all but ASCII as numbers."""
    text = ESCAPE.sub(_unescaped, decode(load(path)))
    # Characters beyond the first 65,536 come as two halves.
    return [Page(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))]


def _unescaped(escape: "re.Match[str]") -> str:
    letter = chr(int(escape[1], 16)) if escape[1] else ""
    return letter if letter > "\x7f" else escape[0]


def load(path: str) -> bytes:
    """A text file's bytes, when it begins as a text and is not too large."""
    if Path(path).stat().st_size > MAX_BYTES:
        raise Unreadable("invalid_file", "The file is too large for a text.")
    data = Path(path).read_bytes()
    for beginning, kind in KINDS:
        if data.startswith(beginning):
            raise Unreadable("invalid_file", f"The file is not text, as its name says, but {kind}.")
    return data


def decode(data: bytes) -> str:
    """The text of these bytes; ``Unreadable`` when they are none in any encoding we know."""
    for encoding in _encodings(data):
        try:
            text = _decoded(data, encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        sample = text[:SAMPLE]
        if encoding == "utf-8":
            sample = sample.replace("\ufffd", "")  # judged already
        if len(CONTROL.findall(sample)) <= MAX_CONTROL * len(sample):
            return text
    raise Unreadable(
        "invalid_file", "The file is not text, or in an unknown encoding. Save it as UTF-8."
    )


def _encodings(data: bytes) -> list[str]:
    """What the bytes may be in, the likeliest first."""
    marked = [encoding for mark, encoding in MARKS if data.startswith(mark)]
    if marked:
        return [*marked, "utf-8"]
    if wide := _utf16(data):
        return [wide]
    try:
        _decoded(data, "utf-8")
    except UnicodeDecodeError:
        if _is_western(data[:SAMPLE]):
            return ["cp1252"]
        return _plausible(data) or _detected(data)
    return ["utf-8"]


def _decoded(data: bytes, encoding: str) -> str:
    """The text, without the last character when it was cut. UTF-8 may have a fault here and there,
    if it is clear that it is UTF-8.

    :raises UnicodeDecodeError: the bytes are none of that encoding
    """
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if 0 < error.start >= len(data) - 3:
            return data[: error.start].decode(encoding)
        if encoding == "utf-8":
            text = data.decode(encoding, "replace")
            faults = text.count("\ufffd")
            if sum(letter > "\x7f" for letter in text) - faults >= NEARLY * faults:
                return text
        raise


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of European text is zero."""
    sample = data[:SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if (
        not even + odd
        or max(even, odd) * 5 < len(sample) // 2
        or min(even, odd) * 10 > max(even, odd)
    ):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_western(sample: bytes) -> bool:
    """Whether it is mostly ASCII, and the rest is what Western European languages add to it."""
    foreign = sample.decode("cp1252", "replace").translate(ASCII)
    return len(foreign) * 2 < len(sample) and WESTERN.issuperset(foreign)


def _plausible(data: bytes) -> list[str]:
    """Encodings that make sense of the bytes; of short text, detectors make too little."""
    sample = data[:SAMPLE]
    if len(sample) < len(data):
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    scores = {}
    for encoding, common in MEANINGFUL:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        foreign = [letter for letter in text if letter > "\x7f" and letter.isalpha()]
        if foreign:
            sense: float = sum(letter in common for letter in foreign)
            if encoding in EVERYDAY:
                sense += (
                    sum(letter.encode(encoding)[0] in EVERYDAY[encoding] for letter in foreign) / 4
                )
            drawn = sum(letter in DRAWN for letter in text)
            scores[encoding] = sense / (len(foreign) + drawn)
    good = [
        encoding
        for encoding, score in scores.items()
        if score >= (PLAUSIBLE if encoding not in CYRILLIC else 2 * PLAUSIBLE)
    ]
    return sorted(good, key=lambda encoding: -scores[encoding])


def _detected(data: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:SAMPLE]).best()
    return [best.encoding] if best else []
