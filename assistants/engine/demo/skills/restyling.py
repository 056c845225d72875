"""Changes the last plot: dark mode, colours, title, labels, periods, another wave."""

import re
from typing import NamedTuple

from assistants.engine.demo import plot_edits, words
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.plan import RunCode, Say
from assistants.engine.demo.plot_edits import Edit
from assistants.engine.demo.telling import drawn
from assistants.engine.demo.words import heard


class Change(NamedTuple):
    """One change, and how to speak of it: "here is the plot again, with ..."."""

    edit: Edit
    spoken: words.Phrase


SHADES = "blue|green|red|orange|cyan|magenta|violet|turquoise|salmon|gray|grey"
"""Colours that have a dark and a light sister in Matplotlib, or nearly all of them."""

DARK = heard(
    rf"\bdark(?:er|[\s-]?mode|[\s-]?theme)?\b(?![\s-]?(?:{SHADES})\b)|\bblack background\b"
    r"|深色|暗色|黑底|黑色背景"
)
LIGHT = heard(
    rf"\blight(?:er|[\s-]?mode|[\s-]?theme)?\b(?![\s-]?(?:{SHADES})\b)|\bwhite background\b"
    r"|淺色|亮色|白底|白色背景"
)
BACK_REFERENCE = heard(
    r"\b(?:it|its|this|that|these|same|last|previous|again|instead|now)\b"
    r"|\bthe (?:plot|line|curve|graph|chart|bars?|figure|colou?rs?|visuali[sz]ation|image|picture"
    r"|background|grid|title|axis|axes|dots|points|histogram|wave)\b"
    r"|這|那|它|剛|原|改|換|變成|再|線條|背景"
)
TITLE = re.compile(
    r"(?i:\b(?:title|titled|call(?:ed)? it|name it)\b"
    r"(?:\s+(?:it|to|of|is|as|the plot|the chart|that says))*)"
    r"\s*[:=]?\s*(?P<title>\"[^\"]+\"|'[^']+'|`[^`]+`|“[^”]+”|[A-Z0-9][^.,;!?\n]{0,80})"
    r"|標題\s*(?:改成|改為|設為|為|是|叫)?\s*[:：]?\s*(?P<chinese>「[^」]+」|\"[^\"]+\"|[^，。,.\s]{1,40})",
)
LABEL = heard(
    r"\b(?P<axis>[xy])[\s-]?(?:axis|label)\b(?:\s+(?:label|as|to|is|with))*\s*[:=]?\s*"
    r"(?P<label>\"[^\"]+\"|'[^']+'|`[^`]+`|“[^”]+”)"
    r"|(?P<axis_zh>[xyXY])\s*軸\s*(?:標籤)?(?:改成|為|是|叫)?\s*[:：]?\s*(?P<label_zh>「[^」]+」|\"[^\"]+\")"
)
PERIODS = heard(
    r"\b(?P<count>\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten)\s+"
    r"(?:full |whole |more )?(?:periods?|cycles?|oscillations?|waves)\b"
    r"|(?P<chinese>\d{1,3}|[一兩二三四五六七八])\s*個?(?:完整)?(?:週期|周期)"
)
WAVES = {
    "cos": heard(r"\bcos(?:ine)?(?:\s?wave)?\b|餘弦"),
    "sin": heard(r"\bsin(?:e)?(?:\s?wave)?\b|正弦"),
    "tan": heard(r"\btan(?:gent)?\b|正切"),
}
IN_PLACE = heard(r"\b(?:as|into|to|with|use|using|instead|rather|now|make it|replace)\b|改|換|變")
ON_TOP = heard(r"\b(?:add|also|too|overlay|on top|as well|together|both)\b|加上|再加|疊")
THICK = heard(r"\b(?:thick|bold|wide)(?:er)?\b.{0,15}\bline|\bline\b.{0,20}\b(?:thick|bold)|粗")
THIN = heard(r"\bthin(?:ner)?\b|細")
DASHED = heard(r"\bdash(?:ed|es)?\b|虛線")
DOTTED = heard(r"\bdotted\b|點線")
BIGGER = heard(r"\b(?:bigger|larger|wider|enlarge)\b|放大|大一點|更大")
SMALLER = heard(r"\b(?:smaller|shrink)\b|縮小|小一點|更小")
NO_GRID = heard(
    r"\b(?:no|without|remove|hide|drop)\b.{0,12}\bgrid|(?:不要|移除|去掉|隱藏).{0,4}格線"
)
GRID = heard(r"\b(?:add|show|with)\b.{0,12}\bgrid|(?:加|顯示).{0,4}格線")
ANY_COLOUR = rf"(?:(?:dark|light)\s?(?:{SHADES}))|{'|'.join(words.COLOURS)}|grey"
BACKGROUND = heard(
    rf"\b(?P<before>{ANY_COLOUR}) background\b"
    rf"|\bbackground\b\W+(?:\w+\W+){{0,2}}(?P<after>{ANY_COLOUR})\b"
)
HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
NEW_SUBJECT = heard(
    r"\b(?:draw|plot|create|make|show)\s+(?:me\s+)?(?:an?|another|some|y)\b|[a-z)]\s*\^|\by\s*="
    r"|畫.{0,12}(?:波|圖|線|函數|形|=|\^)"
)
SHORT = 120
"""Characters of a message that is about one thing."""


def plan(conversation: Conversation) -> RunCode | Say | None:
    text, language = conversation.text, conversation.language
    wanted = changes(text, last_plot=True)
    if not wanted or (NEW_SUBJECT.search(text) and not BACK_REFERENCE.search(text)):
        return None
    last = conversation.last_plot
    if last is None:
        # Colours and titles may be about anything, dark mode is about a plot.
        asked_too_early = DARK.search(text) and len(text) < SHORT and not words.DRAW.search(text)
        return Say(words.NO_PLOT_YET.say(language)) if asked_too_early else None
    code = plot_edits.unsaved(last.code)
    for change in wanted:
        code = change.edit(code)
    spoken = words.COMMA.say(language).join(change.spoken.say(language) for change in wanted)
    told = words.CHANGED.say(language, changes=spoken)
    if len(wanted) == 1 and DARK.search(text):
        told = words.DARK_DRAWN.say(language)
    return RunCode(code, lambda output: drawn(language, output, told))


def changes(text: str, *, last_plot: bool = False) -> list[Change]:
    """The changes that a message asks for. Other waves make sense only for a plot that exists."""
    found = []
    if DARK.search(text):
        found.append(Change(plot_edits.dark, words.IN_DARK))
    elif LIGHT.search(text):
        found.append(Change(plot_edits.light, words.IN_LIGHT))
    if last_plot:
        found += _other_waves(text)
        if count := periods_in(text):
            spoken = words.WITH_PERIODS.filled(count=count)
            found.append(Change(plot_edits.periods(count), spoken))
    found += _colours(text)
    found += _texts(text)
    found += _looks(text)
    return found


def for_new_plot(conversation: Conversation) -> list[Change]:
    """The changes that a message asks for in the plot that it describes.

    Dark mode stays on: the style outlives the code that set it, so the code should say so.
    """
    text, last = conversation.text, conversation.last_plot
    found = changes(text)
    stays_dark = last is not None and "plt.style.use('dark_background')" in last.code
    if stays_dark and not DARK.search(text) and not LIGHT.search(text):
        found.insert(0, Change(plot_edits.dark, words.IN_DARK))
    return found


def periods_in(text: str) -> int | None:
    """How many periods the message wants to see."""
    found = PERIODS.search(text)
    count = words.number_in(found["count"] or found["chinese"]) if found else None
    return min(count, 100) if count else None


def _other_waves(text: str) -> list[Change]:
    for function, called in WAVES.items():
        if not called.search(text):
            continue
        spoken = words.Phrase(plot_edits.WAVES[function], words.WAVES_ZH[function])
        if ON_TOP.search(text):
            change = plot_edits.with_wave(function)
            return [Change(change, words.WITH_CURVE.filled(name=spoken))]
        if IN_PLACE.search(text):
            return [Change(plot_edits.wave(function), words.AS_CURVE.filled(name=spoken))]
    return []


def _colours(text: str) -> list[Change]:
    found = []
    if behind := BACKGROUND.search(text):
        ground = _as_matplotlib(behind["before"] or behind["after"])
        if ground not in {"black", "white"}:
            spoken = words.WITH_BACKGROUND.filled(colour=_colour_name(ground))
            found.append(Change(plot_edits.background(ground), spoken))
    rest = BACKGROUND.sub(" ", text)
    if colour := colour_in(rest):
        spoken = words.IN_COLOUR.filled(colour=_colour_name(colour))
        found.append(Change(plot_edits.colour(colour), spoken))
    return found


def colour_in(text: str) -> str | None:
    """The first colour that a text names, as Matplotlib calls it."""
    if code := HEX.search(text):
        return code[0]
    if spoken := re.search(rf"\b(?:{ANY_COLOUR})\b", text, re.IGNORECASE):
        return _as_matplotlib(spoken[0])
    chinese = [
        (name, part)
        for name, parts in words.COLOURS.items()
        for part in parts.split("|")
        if re.search(f"{part}(?:色|的|$)", text) or (len(part) > 1 and part in text)
    ]
    return max(chinese, key=lambda pair: len(pair[1]))[0] if chinese else None


def _as_matplotlib(spoken: str) -> str:
    name = spoken.lower().replace("grey", "gray").replace(" ", "")
    # The palette is complete but for these.
    return {"lightred": "lightcoral", "lightorange": "orange", "lightmagenta": "violet",
            "lightviolet": "plum", "lightturquoise": "paleturquoise"}.get(name, name)  # fmt: skip


def _colour_name(colour: str) -> words.Phrase:
    chinese = words.COLOURS.get(colour, colour).partition("|")[0]
    return words.Phrase(colour, chinese if chinese.endswith("色") else f"{chinese}色")


def _texts(text: str) -> list[Change]:
    found = []
    if title := TITLE.search(text):
        said = _unquoted(title["title"] or title["chinese"])
        found.append(Change(plot_edits.titled(said), words.WITH_TITLE.filled(title=said)))
    for label in LABEL.finditer(text):
        axis = (label["axis"] or label["axis_zh"]).lower()
        said = _unquoted(label["label"] or label["label_zh"])
        spoken = words.WITH_LABEL.filled(axis=axis, label=said)
        found.append(Change(plot_edits.labelled(axis, said), spoken))
    return found


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'`「」“”").strip()


def _looks(text: str) -> list[Change]:
    found = []
    if THICK.search(text):
        found.append(Change(plot_edits.drawn_with("linewidth", 3), words.THICKER))
    elif THIN.search(text):
        found.append(Change(plot_edits.drawn_with("linewidth", 0.8), words.THINNER))
    if DASHED.search(text):
        found.append(Change(plot_edits.drawn_with("linestyle", "--"), words.WITH_DASHES))
    elif DOTTED.search(text):
        found.append(Change(plot_edits.drawn_with("linestyle", ":"), words.WITH_DOTS))
    if NO_GRID.search(text):
        found.append(Change(plot_edits.grid(shown=False), words.WITHOUT_GRID))
    elif GRID.search(text):
        found.append(Change(plot_edits.grid(shown=True), words.WITH_GRID))
    if BIGGER.search(text):
        found.append(Change(plot_edits.sized(10, 6), words.BIGGER))
    elif SMALLER.search(text):
        found.append(Change(plot_edits.sized(5, 3.5), words.SMALLER))
    return found
