"""Makes tables: random data, a multiplication table, squares and cubes; as a file too."""

from assistants.engine.demo import plot_edits, words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import RunCode
from assistants.engine.demo.skills import restyling, saving
from assistants.engine.demo.telling import drawn, plainly
from assistants.engine.demo.words import heard

RANDOM = heard(
    r"\b(?:random|made[ -]up|make up|fake|dummy|mock|sample|example|test|synthetic)\b.{0,30}"
    r"\b(?:data|dataset|numbers?|tables?|csv|rows|values|walk|spreadsheet)\b"
    r"|(?:隨機|假的?|範例|測試|模擬).{0,6}(?:資料|數據|數字|表|漫步)"
)
WALK = heard(r"\brandom walk\b|隨機漫步")
HISTOGRAM = heard(r"\bhistogram\b|\bdistribution\b|直方|分佈")
TIMES_TABLE = heard(r"\b(?:multiplication|times) tables?\b|九九乘法|乘法表")
POWERS = heard(r"\btable of\b.{0,20}\b(?:squares|cubes|powers)\b|平方表|立方表")
ROWS = heard(
    r"(?P<count>\d{1,7})\s*(?:random\s+)?(?:rows?|records?|lines?|entries|points|numbers|values|samples|people|筆|列|個|點)"
)
UP_TO = heard(r"\b(?:to|up to|first)\s+(\d{1,3})\b|到\s*(\d{1,3})")
MOST_ROWS = 100_000


def plan(conversation: Conversation) -> RunCode | None:
    text = conversation.text
    if TIMES_TABLE.search(text) or POWERS.search(text):
        return _table(conversation)
    wants_picture = words.DRAW.search(text) or HISTOGRAM.search(text)
    if WALK.search(text) or (RANDOM.search(text) and wants_picture):
        return _picture(conversation)
    return _random_data(conversation) if RANDOM.search(text) else None


def _rows(text: str, usual: int) -> int:
    found = ROWS.search(text)
    return min(int(found["count"]), MOST_ROWS) or usual if found else usual


def _random_data(conversation: Conversation) -> RunCode:
    rows = _rows(conversation.text, 20)
    language = conversation.language
    path = saving.table_path(conversation.text, "random_data")
    saved = f"\n{saving.writing(path)}" if path else ""
    code = f"""\
import numpy as np
import pandas as pd

# A fixed seed: the same data every time
random = np.random.default_rng(42)
rows = {rows}
data = pd.DataFrame({{
    'date': pd.date_range('2025-01-01', periods=rows, freq='h'),
    'region': random.choice(['north', 'east', 'south', 'west'], rows),
    'units': random.integers(1, 100, rows),
    'price': random.normal(50, 12, rows).round(2),
}})
{saved}
print(data.head().to_markdown(index=False))
"""

    def told(output: Output) -> str:
        tables = output.tables()
        if not tables:
            return plainly(language, output)
        return words.DATA_MADE.say(language, rows=rows, table=tables[0])

    return RunCode(code, told)


def _picture(conversation: Conversation) -> RunCode:
    text, language = conversation.text, conversation.language
    count = _rows(text, 1000)
    if HISTOGRAM.search(text):
        title, drawing = "Random numbers", "plt.hist(values, bins=30, zorder=2)"
        values = "random.normal(0, 1, count)"
    else:
        title, drawing = "Random walk", "plt.plot(values)"
        values = "random.normal(0, 1, count).cumsum()"
    code = f"""\
import numpy as np
import matplotlib.pyplot as plt

# A fixed seed: the same picture every time
random = np.random.default_rng(42)
count = {count}
values = {values}

{drawing}
plt.title({title!r})
plt.grid(True)
plt.show()
"""
    for change in restyling.for_new_plot(conversation):
        code = change.edit(code)
    if path := saving.table_path(text, "random_data"):
        writing = saving.writing(path, "pd.DataFrame({'value': values})")
        code = plot_edits.before_show(code, f"import pandas as pd\n\n{writing}")
    said = words.NUMBERS_DRAWN.say(language, kind=title.lower(), count=count)
    if language == "en":
        said = f"Here is a picture of {count} random numbers."
    return RunCode(code, lambda output: drawn(language, output, said))


def _table(conversation: Conversation) -> RunCode:
    text, language = conversation.text, conversation.language
    upper = UP_TO.search(text)
    size = max(1, min(int(upper[1] or upper[2]), 50)) if upper else 10
    path = saving.table_path(text, "table")
    if TIMES_TABLE.search(text):
        size = 9 if "九九" in text else min(size, 20)
        frame = f"""\
numbers = range(1, {size + 1})
rows = [[row * column for column in numbers] for row in numbers]
data = pd.DataFrame(rows, index=numbers, columns=numbers)"""
    else:
        frame = f"""\
n = pd.Series(range(1, {size + 1}))
data = pd.DataFrame({{'n': n, 'square': n**2, 'cube': n**3}}).set_index('n')"""
    saved = f"{saving.writing(path, index=True)}\n" if path else ""
    code = f"import pandas as pd\n\n{frame}\n{saved}print(data.to_markdown())\n"

    def told(output: Output) -> str:
        tables = output.tables()
        if not tables:
            return plainly(language, output)
        return words.TABLE_MADE.say(language, table=tables[0])

    return RunCode(code, told)
