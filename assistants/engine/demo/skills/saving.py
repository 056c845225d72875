"""Saves what was made: the last plot as an image, the last table or an attached one as a file."""

import re

from assistants.engine.demo import opening, plot_edits, words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.plan import RunCode, Say
from assistants.engine.demo.words import heard

ASKED = heard(
    r"\b(?:save|export|download|convert|store|write)\b|"
    r"\b(?:as|to|into|in) an? (?:png|csv|excel|svg|pdf)\b"
    r"|存成|儲存|存檔|下載|匯出|轉成|轉為|轉換"
)
CONVERT = heard(r"\bconvert\b|轉成|轉為|轉換")
BACK = heard(r"\b(?:it|this|that|the)\b|這|它|圖|表")
NEW = heard(r"\b(?:make|create|generate|random)\b|產生|隨機|建立")
IMAGE = heard(r"\b(png|svg|pdf|jpe?g)\b|圖片|圖檔")
TABLE = heard(r"\b(csv|xlsx|excel|json|tsv|markdown|html)\b|試算表")
PLOTTING = re.compile(r"^\n?(?:# Plotting.*|plt\..*|import matplotlib.*)\n?", re.MULTILINE)
"""Lines of a plot's code that its numbers do not need."""
FILE_NAME = heard(r"(?<![\w/.-])([\w-]{1,60})\.(csv|xlsx|json|tsv|md|html|png|svg|pdf|jpe?g)\b")
EXTENSIONS = {"excel": "xlsx", "markdown": "md", "試算表": "xlsx"}

WRITERS = {
    "csv": "{frame}.to_csv({path!r}, index={index})",
    "tsv": "{frame}.to_csv({path!r}, sep='\\t', index={index})",
    "xlsx": "{frame}.to_excel({path!r}, index={index})",
    "json": "{frame}.to_json({path!r}, orient='records', indent=2)",
    "md": "{frame}.to_markdown({path!r}, index={index})",
    "html": "{frame}.to_html({path!r}, index={index})",
}


def plan(conversation: Conversation) -> RunCode | Say | None:
    text, language = conversation.text, conversation.language
    wants_file = IMAGE.search(text) or TABLE.search(text) or FILE_NAME.search(text)
    if not ASKED.search(text) or NEW.search(text) or not (wants_file or BACK.search(text)):
        return None
    table = TABLE.search(text) and not IMAGE.search(text)
    code = _saving_table(conversation) if table else _saving_plot(conversation)
    if code is None:
        return Say(words.NOTHING_TO_SAVE.say(language))
    return RunCode(code, lambda output: words.FILE_READY.say(language))


def table_path(text: str, stem: str) -> str | None:
    """Where a message wants its table saved; None if it does not ask for a file."""
    named = FILE_NAME.search(text)
    if named and named[2].lower() in WRITERS:
        return f"/mnt/data/{named[1]}.{named[2].lower()}"
    if kinds := TABLE.findall(text):
        # "Convert the CSV to JSON": what is wanted comes last.
        wanted = next(filter(None, kinds[-1:]), "試算表").lower()
        return f"/mnt/data/{stem}.{EXTENSIONS.get(wanted, wanted)}"
    return f"/mnt/data/{stem}.csv" if ASKED.search(text) else None


def writing(path: str, frame: str = "data", *, index: bool = False) -> str:
    """The line that writes a DataFrame to a file of the path's kind."""
    extension = path.rpartition(".")[2]
    return WRITERS[extension].format(frame=frame, path=path, index=index)


def _saving_plot(conversation: Conversation) -> str | None:
    last = conversation.last_plot
    if last is None:
        return _saving_table(conversation) if conversation.last_code else None
    named = FILE_NAME.search(conversation.text)
    kind = IMAGE.search(conversation.text)
    extension = (kind[1] if kind else None) or "png"
    name = f"{named[1]}.{named[2]}" if named else f"plot.{extension.lower()}"
    return plot_edits.saved_as(f"/mnt/data/{name}")(last.code)


def _saving_table(conversation: Conversation) -> str | None:
    """The table of the last code, the values of the last plot, or the attached table."""
    path = table_path(conversation.text, "data") or "/mnt/data/data.csv"
    last = conversation.last_code
    code = last.code.rstrip() if last and not last.output.failed else ""
    if CONVERT.search(conversation.text) and conversation.file(tables_only=True):
        code = ""
    if re.search(r"^data = ", code, re.MULTILINE):
        return f"{code}\n\n{writing(path)}\n"
    if re.search(r"^x = ", code, re.MULTILINE) and re.search(r"^y = ", code, re.MULTILINE):
        numbers_only = PLOTTING.sub("", code)
        frame = "data = pd.DataFrame({'x': x, 'y': y})"
        return f"import pandas as pd\n{numbers_only.rstrip()}\n\n{frame}\n{writing(path)}\n"
    file = conversation.file(tables_only=True)
    if file is None:
        return None
    return f"import pandas as pd\n\n{opening.as_table(file)}\n\n{writing(path)}\n"
