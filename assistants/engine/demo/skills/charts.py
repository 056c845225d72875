"""Draws data: the columns of an attached table, or numbers written into the message."""

import re
from typing import NamedTuple

from assistants.engine.demo import opening, words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.output import Output
from assistants.engine.demo.plan import RunCode, Say
from assistants.engine.demo.skills import restyling
from assistants.engine.demo.telling import drawn
from assistants.engine.demo.words import heard


class Kind(NamedTuple):
    name: words.Phrase
    called: re.Pattern[str]
    enough: str
    """Python that is true where the columns suffice."""
    draw_columns: str
    """Python that draws from `data`, `labels` and `numbers` and sets `used`."""
    draw_numbers: str
    """Python that draws from `names` and `values`."""


LINE = Kind(
    words.Phrase("line chart", "折線圖"),
    heard(r"\blines?\b|\btrend\b|\bover time\b|折線|趨勢"),
    "numbers",
    """\
# A column of dates, of names or of rising numbers runs along the x-axis
rising = [name for name in numbers if data[name].is_monotonic_increasing]
x = (labels or (rising if len(numbers) > 1 else []) or [None])[0]
if x in labels:
    dates = pd.to_datetime(data[x], errors='coerce', format='mixed')
    # "Jan" alone is read as a day of the year 1: a name, to be kept in the table's order
    if (dates.dt.year >= 1678).all():
        data = data.assign(**{x: dates}).sort_values(x)
    else:
        data = data.assign(**{x: data[x].map(str)})
used = [name for name in numbers if name != x][:4]
for name in used:
    plt.plot(data[x] if x is not None else data.index, data[name], label=str(name))
plt.xlabel('row' if x is None else str(x))
plt.xticks(rotation=45)
plt.legend()
used = used + ([] if x is None else [x])
""",
    "plt.plot(names, values, marker='o')\n",
)
BAR = Kind(
    words.Phrase("bar chart", "長條圖"),
    heard(r"\bbars?\b|\bcolumn chart\b|長條|柱狀"),
    "(numbers or labels)",
    """\
if labels and numbers:
    # One bar for each name: the sum of its rows
    used = [numbers[0], labels[0]]
    heights = data.groupby(labels[0], sort=False)[numbers[0]].sum().head(30)
elif labels:
    used = [labels[0]]
    heights = data[labels[0]].value_counts().head(30)
else:
    used = [numbers[0]]
    heights = data[numbers[0]].head(30)
plt.bar(heights.index.astype(str), heights.values, zorder=2)
plt.xlabel(str(used[-1]) if labels else 'row')
plt.ylabel(str(used[0]) if numbers else 'count')
plt.xticks(rotation=45)
""",
    "plt.bar(names, values, zorder=2)\n",
)
SCATTER = Kind(
    words.Phrase("scatter plot", "散佈圖"),
    heard(r"\bscatter\w*|\bcorrelation\b|散佈|散點|散布"),
    "numbers",
    """\
y, x = (numbers + numbers)[:2]
used = [y, x]
plt.scatter(data[x], data[y])
plt.xlabel(str(x))
plt.ylabel(str(y))
""",
    "plt.scatter(names, values)\n",
)
HISTOGRAM = Kind(
    words.Phrase("histogram", "直方圖"),
    heard(r"\bhistograms?\b|\bdistribution\b|直方|分佈|分布"),
    "numbers",
    """\
used = numbers[:1]
plt.hist(data[numbers[0]].dropna(), bins=20, zorder=2)
plt.xlabel(str(numbers[0]))
plt.ylabel('count')
""",
    "plt.hist(values, bins='auto', zorder=2)\n",
)
PIE = Kind(
    words.Phrase("pie chart", "圓餅圖"),
    heard(r"\bpie\b|圓餅|餅圖"),
    "(numbers or labels)",
    """\
if labels and numbers:
    used = [numbers[0], labels[0]]
    parts = data.groupby(labels[0])[numbers[0]].sum().nlargest(8)
else:
    used = (labels or numbers)[:1]
    parts = data[used[0]].value_counts().head(8)
plt.pie(parts.values, labels=parts.index.astype(str), autopct='%1.0f%%')
""",
    "plt.pie(values, labels=names, autopct='%1.0f%%')\n",
)
BOX = Kind(
    words.Phrase("box plot", "箱形圖"),
    heard(r"\bbox[ -]?(?:plot|chart|and)|箱[形型]圖|盒鬚"),
    "numbers",
    """\
used = numbers[:6]
plt.boxplot([data[name].dropna() for name in used], tick_labels=[str(name) for name in used])
""",
    "plt.boxplot(values)\n",
)
KINDS = (HISTOGRAM, SCATTER, PIE, BOX, BAR, LINE)

ABOUT_DATA = heard(
    r"\b(?:data|columns?|csv|file|table|rows?|excel|spreadsheet|values|chart|numbers)\b"
    r"|資料|數據|欄|檔|表"
)
PAIR = re.compile(
    r"(?P<name>[^\W\d_][^\W\d]{0,40}(?: [^\W\d]{1,40}){0,2})"
    r"\s{0,3}(?:[:：=]|is|are|有)?\s{0,3}(?P<value>-?\d+(?:\.\d+)?)(?![\w.]*\w)"
)
"""`apples 3`, `Apples: 3`, `蘋果 3`."""
NOT_NAMES = heard(
    r"^(?:(?:a|the|of|and|with|for|chart|plot|graph|bar|pie|line|draw|from|to|me|show|make)\b\s*)+"
    r"|^和|^與|^及"
)
BACK = heard(r"\b(?:it|that|them|this|the (?:data|table|numbers))\b|這|它|資料")
NUMBERS = re.compile(r"(?<!\d)-?\d+(?:\.\d+)?(?:(?:\s*[,，、;]\s*|\s+)-?\d+(?:\.\d+)?){2,}")
LITERALS = re.compile(r"^names = \[.*\]\nvalues = \[.*\]$", re.MULTILINE)
"""How `_draw_numbers` begins."""
MOST_NUMBERS = 200
SHORT = 80
"""Characters; `bar chart, please` needs no verb."""


def plan(conversation: Conversation) -> RunCode | Say | None:
    text = conversation.text
    kind = _kind(text)
    if not words.DRAW.search(text) and not (kind and len(text) < SHORT):
        return None
    names, values = _numbers(text)
    if values:
        usual = LINE if names[0] == "1" else BAR
        source = f"names = {names[:MOST_NUMBERS]!r}\nvalues = [{', '.join(values[:MOST_NUMBERS])}]"
        return _draw_numbers(conversation, kind or usual, source, len(values))
    if kind and (drawn_before := _drawn_before(conversation)):
        count = drawn_before.count(",") // 2 + 1
        return _draw_numbers(conversation, kind, drawn_before, count)
    if made := _made_before(conversation):
        return _draw_columns(conversation, kind or LINE, made, made, words.YOUR_DATA)
    if file := conversation.file(tables_only=True):
        name = words.Phrase(f"`{file.name}`", f"`{file.name}`")
        first, second = opening.as_table(file), opening.as_untidy_table(file)
        return _draw_columns(conversation, kind or LINE, first, second, name)
    if kind or ABOUT_DATA.search(text):
        return Say(words.NEED_DATA.say(conversation.language))
    return None


def _made_before(conversation: Conversation) -> str | None:
    """The code that made a table just before, if the message is about that table."""
    last = conversation.last_code
    if last is None or "plt." in last.code or not re.search(r"^data = ", last.code, re.MULTILINE):
        return None
    if not BACK.search(conversation.text):
        return None
    others = ("print(", "data.to_", "import pandas")
    lines = (line for line in last.code.splitlines() if not line.startswith(others))
    return "\n".join(lines).strip()


def _drawn_before(conversation: Conversation) -> str | None:
    """The numbers of the last chart, if the message is about that chart."""
    last = conversation.last_plot
    found = LITERALS.search(last.code) if last else None
    return found[0] if found and BACK.search(conversation.text) else None


def _kind(text: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.called.search(text)), None)


def _numbers(text: str) -> tuple[list[str], list[str]]:
    """Names and values that stand in the message; names "1", "2"... where it has numbers only."""
    if listed := NUMBERS.search(text):
        values = re.findall(r"-?\d+(?:\.\d+)?", listed[0])
        return [str(place) for place in range(1, len(values) + 1)], [_tidy(one) for one in values]
    _, _, after = text.rpartition(":")
    names, values = [], []
    for pair in PAIR.finditer(after if len(PAIR.findall(after)) > 1 else text):
        name = NOT_NAMES.sub("", pair["name"]).strip()
        if name:
            names.append(name)
            values.append(_tidy(pair["value"]))
    return (names, values) if len(values) > 1 else ([], [])


def _tidy(number: str) -> str:
    """A number as Python reads it: 007 is 7."""
    return repr(float(number)).removesuffix(".0")


def _draw_numbers(conversation: Conversation, kind: Kind, source: str, count: int) -> RunCode:
    """A chart of the `names` and `values` that the source sets."""
    title = kind.name.en.capitalize()
    code = f"""\
import matplotlib.pyplot as plt

{source}

{kind.draw_numbers}plt.title({title!r})
plt.show()
"""
    if kind not in {PIE, BOX}:
        code = code.replace("plt.show()", "plt.grid(True, axis='y')\nplt.show()")
    language = conversation.language
    name = kind.name.say(language)
    text = words.NUMBERS_DRAWN.say(language, kind=name, count=count)
    return _styled(conversation, code, code, text)


def _draw_columns(
    conversation: Conversation, kind: Kind, first: str, second: str, name: words.Phrase
) -> RunCode:
    """A chart of the table that `first` reads; `second` reads it if that fails."""
    asked = " ".join(conversation.text.lower().split())[:500]

    def code(read: str) -> str:
        grid = "" if kind is PIE else "plt.grid(True)\n"
        title = f"{kind.name.en.capitalize()} of "
        return f"""\
import matplotlib.pyplot as plt
import pandas as pd

{read}

# Columns that the question names come first, in its order
asked = {asked!r}


def place(name):
    spoken = str(name).lower().replace('_', ' ')
    named = spoken in asked.split() or (len(spoken.encode()) > 2 and spoken in asked)
    return asked.find(spoken) if named else len(asked)


order = sorted(data.columns, key=place)
named = [name for name in order if place(name) < len(asked)]
numbers = [name for name in order if pd.api.types.is_numeric_dtype(data[name])]
labels = [name for name in order if name not in numbers]
if any(name in numbers for name in named):
    numbers = [name for name in numbers if name in named]
if not {kind.enough}:
    raise ValueError('the table has no columns of numbers to draw')

{kind.draw_columns}plt.title({title!r} + ' and '.join(map(str, used)))
{grid}plt.tight_layout()
plt.show()
print('columns:', ', '.join(map(str, used)))
"""

    language = conversation.language
    text = words.CHART_DRAWN.filled(kind=kind.name, columns="{columns}", name=name)
    return _styled(conversation, code(first), code(second), text.say(language))


def _styled(conversation: Conversation, code: str, second_try: str, text: str) -> RunCode:
    """The plan, with the colours and titles that the message asks for as well."""
    for change in restyling.for_new_plot(conversation):
        code, second_try = change.edit(code), change.edit(second_try)

    def told(output: Output) -> str:
        columns = output.value("columns") or ""
        listed = words.PLAIN_AND.say(conversation.language).join(
            f"**{column}**" for column in columns.split(", ")
        )
        return drawn(conversation.language, output, text.replace("{columns}", listed))

    return RunCode(code, told, second_try)
