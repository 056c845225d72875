"""Answers questions about the columns of an attached table: mean, sum, largest, how many."""

import re
from typing import NamedTuple

from assistants.engine.demo import opening, words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.telling import plainly
from assistants.engine.demo.words import heard


class Measure(NamedTuple):
    method: str
    """Of a pandas column."""
    called: re.Pattern[str]


MEASURES = (
    Measure("mean", heard(r"\b(?:mean|averages?|avg)\b|平均")),
    Measure("median", heard(r"\bmedian\b|中位數")),
    Measure("sum", heard(r"\b(?:sum|total)\b|總和|總計|合計|加總")),
    Measure("max", heard(r"\b(?:max|maximum|largest|highest|biggest|most)\b|最大|最高")),
    Measure("min", heard(r"\b(?:min|minimum|smallest|lowest|least)\b|最小|最低")),
    Measure("std", heard(r"\b(?:std|standard deviation)\b|標準差")),
    Measure("nunique", heard(r"\b(?:unique|distinct|different)\b|不同")),
)
BY = heard(r"\b(?:by|per|for each|grouped)\b|每|依|按")


def plan(conversation: Conversation) -> RunCode | None:
    file = conversation.file(tables_only=True)
    measures = [one.method for one in MEASURES if one.called.search(conversation.text)]
    if file is None or not measures:
        return None
    language = conversation.language
    asked = " ".join(conversation.text.lower().split())[:500]
    code = f"""\
import pandas as pd

{opening.as_table(file)}

# The columns that the question names, else all that hold numbers
asked = {asked!r}
named = [name for name in data.columns if str(name).lower().replace('_', ' ') in asked]
numbers = [name for name in data.columns if pd.api.types.is_numeric_dtype(data[name])]
groups = [name for name in named if name not in numbers]
columns = [name for name in named if name in numbers] or numbers

if groups and columns and {bool(BY.search(conversation.text))}:
    facts = data.groupby(groups[0])[columns].agg({measures!r}).head(30)
    facts.columns = [' '.join(map(str, name)) for name in facts.columns]
else:
    facts = data[columns].agg({measures!r}).T
print(facts.round(4).to_markdown())
"""

    def told(output: Output) -> str:
        tables = output.tables()
        if not tables:
            return plainly(language, output)
        return words.COLUMN_FACT.say(language, name=file.name, facts=tables[0])

    return RunCode(code, told, code.replace(opening.as_table(file), opening.as_untidy_table(file)))
