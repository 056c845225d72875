"""What the demo model says, in English and in Traditional Chinese, and words it listens for."""

import re
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]

CHINESE = re.compile(r"[\u3400-\u9fff]")
QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|「[^」]*」|“[^”]*”")


def language_of(*texts: str) -> Language:
    """The language of the first text that has letters; quoted words do not count."""
    for text in texts:
        plain = QUOTED.sub(" ", text)
        if CHINESE.search(plain):
            return "zh"
        if re.search(r"[A-Za-z]{2}", plain):
            return "en"
    return "en"


class Phrase(NamedTuple):
    """One thing to say; `{names}` in it are filled in."""

    en: str
    zh: str

    def say(self, language: Language, **values: object) -> str:
        template = self.zh if language == "zh" else self.en
        return template.format(**values) if values else template

    def filled(self, **values: object) -> "Phrase":
        """The same in both languages, with phrases among the values in theirs."""

        def in_language(language: Language) -> str:
            spoken = {
                name: value.say(language) if isinstance(value, Phrase) else value
                for name, value in values.items()
            }
            return self.say(language, **spoken)

        return Phrase(in_language("en"), in_language("zh"))


def heard(pattern: str) -> re.Pattern[str]:
    """A pattern for something a person says, whatever the case."""
    return re.compile(pattern, re.IGNORECASE)


# What skills look for in a message

DRAW = heard(
    r"\b(?:plot|draw|graph|chart|sketch|diagram|picture|curve|visuali[sz]\w*|illustrat\w*)"
    r"(?:s|ed|ting|ing)?\b|畫|繪|圖|視覺化"
)

COLOURS = {
    "red": "紅", "green": "綠", "blue": "藍", "orange": "橘|橙", "purple": "紫", "pink": "粉紅",
    "yellow": "黃", "brown": "棕|咖啡色", "black": "黑", "white": "白", "gray": "灰", "cyan": "青",
    "magenta": "洋紅|桃紅", "gold": "金色", "navy": "深藍", "teal": "藍綠", "lime": "萊姆",
    "violet": "紫羅蘭", "turquoise": "土耳其藍", "crimson": "緋紅", "salmon": "鮭魚",
}  # fmt: skip
"""Names that Matplotlib knows, with what they are called in Chinese. Longer Chinese names win."""

CHINESE_DIGITS = {"一": 1, "兩": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8}
ENGLISH_DIGITS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip


def number_in(word: str) -> int | None:
    """`3`, `three` or `三` as a number."""
    if word.isdecimal() and word.isascii():
        return int(word[:9])
    return ENGLISH_DIGITS.get(word.lower()) or CHINESE_DIGITS.get(word)


# Who is speaking

INTRODUCTION = Phrase(
    en="I'm the **demo model**: a script, no AI. I follow rules, but the code I write really runs"
    " in the sandbox.",
    zh="我是**示範模型**：只是一個腳本，沒有 AI。我照規則回答，但我寫的程式碼會真的在沙箱裡執行。",
)

ABILITIES = Phrase(
    en="""Things to try:

- Create a visualization of a sinewave, then: *show me the code you used*, *make it dark mode*, \
*make it red*
- Plot y = x^2 - 3x from -2 to 5
- I need to solve the equation `3x + 11 = 14`. Can you help me?
- What is 12*7+3?
- Make some random data and save it as CSV
- Attach a CSV or text file: *summarize it*, *bar chart of the columns*
- Run `print("hello")`""",
    zh="""可以試試：

- 畫正弦波，然後：*顯示程式碼*、*改成深色模式*、*改成紅色*
- 畫 y = x^2 - 3x，從 -2 到 5
- 解方程式 3x + 11 = 14
- 12*7+3 是多少？
- 產生一些隨機資料並存成 CSV
- 附上 CSV 或文字檔：*摘要*、*用長條圖畫出欄位*
- 執行 `print("hello")`""",
)

CONNECT = Phrase(
    en="For real answers, connect a model under Settings: OpenAI, Azure, Ollama or another server"
    " that speaks their language. `OPENAI_API_KEY` and `OPENAI_BASE_URL` in the environment do it"
    " too.",
    zh="想要真正的回答，請在「設定」中連接一個模型：OpenAI、Azure、Ollama 或其他相容的伺服器。"
    "也可以在環境變數中設定 `OPENAI_API_KEY` 與 `OPENAI_BASE_URL`。",
)

INTERPRETER_OFF = Phrase(
    en="I draw and compute with code, and this assistant cannot run any: turn on the **code"
    " interpreter** in its setup to try these.",
    zh="我用程式碼畫圖和計算，但這個助理還不能執行程式碼：請先在助理設定中開啟**程式碼解譯器**。",
)

GREETING = Phrase(en="Hello! {introduction}", zh="你好！{introduction}")
THANKS = Phrase(en="You're welcome! What shall we try next?", zh="不客氣！接下來想試什麼？")
FAREWELL = Phrase(
    en="Goodbye! This thread stays here for when you come back.",
    zh="再見！這個對話會留在這裡，等你回來。",
)
FOLLOWED_INSTRUCTIONS = Phrase(
    en="This assistant's instructions begin: “{beginning}” A real model would follow them; I only"
    " know my script.",
    zh="這個助理的指示開頭是：「{beginning}」真正的模型會遵照指示；我只會照腳本做。",
)
NOT_UNDERSTOOD = Phrase(
    en="I have no script for that one. {introduction}",
    zh="這個問題不在我的腳本裡。{introduction}",
)
NOTHING_SAID = Phrase(en="There is no question in this thread yet.", zh="這個對話裡還沒有問題。")
LOST = Phrase(
    en="I lost my thread with that one; I'm only a script. Try it in other words, or another of my"
    " tricks: ask *what can you do?*",
    zh="這個問題讓我亂了套；我只是個腳本。請換個說法，或問我*你會做什麼？*",
)

# Running code

PREVIEW = Phrase(
    en="Here is the code that I am going to run:\n\n{code}",
    zh="以下是我要執行的程式碼：\n\n{code}",
)
TURN_ON_INTERPRETER = Phrase(
    en="I would run this code, but this assistant cannot run code. Turn on the **code interpreter**"
    " in this assistant's setup and ask again.\n\n{code}",
    zh="我會執行下面的程式碼，但這個助理還不能執行程式碼。請在助理設定中開啟**程式碼解譯器**，"
    "再問一次。\n\n{code}",
)
TOOLS_NOT_ALLOWED = Phrase(
    en="This run's tool choice is *none*, so I may not run code. It would be:\n\n{code}",
    zh="這次執行的工具選擇是 *none*，所以我不能執行程式碼。我會執行的是：\n\n{code}",
)
TRYING_AGAIN = Phrase(
    en="That stopped with `{error}`. I'll try another way.",
    zh="程式停在 `{error}`。我換個方式再試一次。",
)
GAVE_UP = Phrase(
    en="The code did not work. It stopped with:\n\n{error}\n\nI'm a script, so this is as far as my"
    " repairs go. The whole traceback is in the run's steps.",
    zh="程式碼沒有成功，停在：\n\n{error}\n\n我只是個腳本，只能修到這裡。完整的追蹤訊息在執行步驟裡。",
)
NOT_RUN = Phrase(
    en="The code could not be run to its end, so I have no result. {trouble}",
    zh="程式碼沒能執行完，所以沒有結果。{trouble}",
)
RAN = Phrase(
    en="The code ran. It printed:\n\n{printed}", zh="程式碼執行完成，輸出是：\n\n{printed}"
)
RAN_SILENTLY = Phrase(en="The code ran and printed nothing.", zh="程式碼執行完成，沒有任何輸出。")
RAN_WITH_IMAGE = Phrase(
    en="The code ran; here is its picture.", zh="程式碼執行完成，這是它畫的圖。"
)
NO_PICTURE = Phrase(
    en="The code ran, but no picture came out of it.", zh="程式碼執行完成，但沒有產生圖片。"
)
NO_GLYPHS = Phrase(
    en="Some characters show as boxes: the sandbox has no font for them.",
    zh="有些字顯示成方框：沙箱裡沒有這些字的字型。",
)
FILES_SAVED = Phrase(en="Saved: {links}", zh="已儲存：{links}")

# Curves

SINE_DRAWN = Phrase(
    en="Here is the visualization of a sine wave:\n\nThe wave is plotted using values from"
    " \\( {low} \\) to \\( {high} \\) on the x-axis, and the corresponding sine values on the"
    " y-axis. I've also added grid lines for easier reading of the plot.",
    zh="這是正弦波的圖：\n\nx 軸的值從 \\( {low} \\) 到 \\( {high} \\)，y 軸是對應的正弦值。"
    "我也加上了格線，比較容易讀圖。",
)
CURVE_DRAWN = Phrase(
    en="Here is the plot of {what}:\n\nThe x-axis goes from \\( {low} \\) to \\( {high} \\). I've"
    " also added grid lines for easier reading.",
    zh="這是 {what} 的圖：\n\nx 軸從 \\( {low} \\) 到 \\( {high} \\)。"
    "我也加上了格線，比較容易讀圖。",
)
SHAPE_DRAWN = Phrase(en="Here is your {what}.", zh="這是你要的{what}。")
RELATION_DRAWN = Phrase(
    en="Here are the points that satisfy \\( {what} \\).", zh="這是滿足 \\( {what} \\) 的點。"
)
SURFACE_DRAWN = Phrase(
    en="Here is the surface \\( z = {what} \\), seen from the side.",
    zh="這是曲面 \\( z = {what} \\) 的側視圖。",
)

PLAIN_AND = Phrase(en=" and ", zh=" 和 ")
COMMA = Phrase(en=", ", zh="、")

# Changes of the last plot

DARK_DRAWN = Phrase(
    en="Here is the dark mode version of the visualization. I've used the 'dark_background'"
    " style in Matplotlib and chosen a cyan color for the plot line to ensure it stands out against"
    " the dark background.",
    zh="這是深色模式的版本。我用了 Matplotlib 的 'dark_background' 樣式，並把線條改成青色，"
    "在深色背景上更清楚。",
)
CHANGED = Phrase(en="Here is the plot again, with {changes}.", zh="這是修改後的圖：{changes}。")
IN_DARK = Phrase(en="a dark background", zh="深色背景")
IN_LIGHT = Phrase(en="a light background", zh="淺色背景")
IN_COLOUR = Phrase(en="its first curve in {colour}", zh="第一條線改成{colour}")
WITH_BACKGROUND = Phrase(en="a {colour} background", zh="{colour}背景")
WITH_TITLE = Phrase(en="the title “{title}”", zh="標題為「{title}」")
WITH_LABEL = Phrase(en="“{label}” along the {axis}-axis", zh="{axis} 軸標籤為「{label}」")
WITH_PERIODS = Phrase(en="{count} periods", zh="{count} 個週期")
WITH_CURVE = Phrase(en="a {name} curve added", zh="加上{name}曲線")
AS_CURVE = Phrase(en="a {name} in its place", zh="改成{name}")
WAVES_ZH = {"sin": "正弦", "cos": "餘弦", "tan": "正切"}
THICKER = Phrase(en="a thicker line", zh="較粗的線")
THINNER = Phrase(en="a thinner line", zh="較細的線")
WITH_DASHES = Phrase(en="a dashed line", zh="虛線")
WITH_DOTS = Phrase(en="a dotted line", zh="點線")
WITHOUT_GRID = Phrase(en="no grid", zh="沒有格線")
WITH_GRID = Phrase(en="a grid", zh="格線")
BIGGER = Phrase(en="a larger figure", zh="較大的圖")
SMALLER = Phrase(en="a smaller figure", zh="較小的圖")
NO_PLOT_YET = Phrase(
    en="There is no plot in this thread yet that I could change. Ask me to draw one first, such as:"
    " *Create a visualization of a sinewave*.",
    zh="這個對話裡還沒有圖可以修改。請先讓我畫一張，例如：*畫正弦波*。",
)

# Charts of data

CHART_DRAWN = Phrase(
    en="Here is a {kind} of {columns} from {name}.",
    zh="這是{name}的{kind}，欄位：{columns}。",
)
YOUR_DATA = Phrase(en="the data", zh="資料")
NUMBERS_DRAWN = Phrase(
    en="Here is a {kind} of the {count} numbers you gave me.",
    zh="這是你給的 {count} 個數字的{kind}。",
)
NEED_DATA = Phrase(
    en="I need data for that: attach a CSV file, or write the numbers into the message, such as"
    " *bar chart of apples 3, pears 5, plums 4*.",
    zh="這需要資料：請附上 CSV 檔，或直接寫數字，例如：*長條圖：蘋果 3、梨子 5、李子 4*。",
)

# Files and tables

EMPTY_FILE = Phrase(
    en="The file is empty: there is no table in it.", zh="檔案是空的，裡面沒有表格。"
)
NAMED_EMPTY_FILE = Phrase(en="`{name}` is empty.", zh="`{name}` 是空的。")
TABLE_SUMMARY = Phrase(
    en="`{name}` has **{rows} rows** and **{columns} columns**. {missing}",
    zh="`{name}` 有 **{rows} 列**、**{columns} 欄**。{missing}",
)
NONE_MISSING = Phrase(en="No value is missing.", zh="沒有缺漏的值。")
SOME_MISSING = Phrase(en="{count} values are missing.", zh="缺漏 {count} 個值。")
FIRST_ROWS = Phrase(en="The first rows:", zh="前幾列：")
NUMBERS_OF_COLUMNS = Phrase(en="The columns in numbers:", zh="欄位統計：")
TEXT_SUMMARY = Phrase(
    en="`{name}` in numbers: lines **{lines}**, words **{words}**, characters **{characters}**.",
    zh="`{name}`：**{lines}** 行、**{words}** 個詞、**{characters}** 個字元。",
)
FREQUENT_WORDS = Phrase(en="Its most frequent words: {words}.", zh="最常出現的詞：{words}。")
BEGINS_WITH = Phrase(en="It begins:\n\n{beginning}", zh="開頭是：\n\n{beginning}")
COUNTED_ONLY = Phrase(
    en="I counted; I did not understand a word of it. A real model would.",
    zh="我只是計數，並沒有讀懂內容；真正的模型才行。",
)
NEED_FILE = Phrase(
    en="There is no file here that I could open. Attach one to your message, or add it to the"
    " assistant's code interpreter, and ask again.",
    zh="這裡沒有我能開啟的檔案。請把檔案附在訊息上，或加到助理的程式碼解譯器，再問一次。",
)
COLUMN_FACT = Phrase(
    en="I computed that from `{name}`:\n\n{facts}", zh="這是從 `{name}` 算出來的：\n\n{facts}"
)
DATA_MADE = Phrase(
    en="I made up {rows} rows of random data. The first of them:\n\n{table}",
    zh="我產生了 {rows} 列隨機資料，前幾列是：\n\n{table}",
)
TABLE_MADE = Phrase(en="Here is the table:\n\n{table}", zh="這是表格：\n\n{table}")
FILE_READY = Phrase(en="Done, the file is ready.", zh="完成，檔案已經準備好了。")
NOTHING_TO_SAVE = Phrase(
    en="There is nothing to save yet: ask for a plot or a table first, or attach a file.",
    zh="還沒有可以儲存的東西：請先要一張圖或一個表格，或附上檔案。",
)

# Code that was run

CODE_SHOWN = Phrase(
    en="Certainly, here is the code I used{purpose}:\n\n{code}\n\n{explanation}",
    zh="好的，這是我使用的程式碼{purpose}：\n\n{code}\n\n{explanation}",
)
TO_DRAW = Phrase(en=" to generate the visualization", zh="（畫圖）")
TO_COMPUTE = Phrase(en="", zh="")
USES = Phrase(en="This code snippet uses {parts}.", zh="這段程式碼用{parts}。")
PLAIN_PYTHON = Phrase(en="This is plain Python.", zh="這是純 Python。")
AND = Phrase(en=" and ", zh="，再用")
PURPOSES = {
    "numpy": Phrase(en="`numpy` to compute the values", zh=" `numpy` 計算數值"),
    "pandas": Phrase(en="`pandas` to read and arrange the data", zh=" `pandas` 讀取並整理資料"),
    "sympy": Phrase(en="`sympy` to do the algebra", zh=" `sympy` 做代數運算"),
    "math": Phrase(en="Python's `math` module", zh=" Python 的 `math` 模組"),
    "collections": Phrase(en="`collections` to count", zh=" `collections` 計數"),
    "matplotlib": Phrase(
        en="`matplotlib` to plot them and display the resulting graph",
        zh=" `matplotlib` 畫出並顯示圖形",
    ),
}
NO_CODE_YET = Phrase(
    en="No code has been run in this thread yet. Ask me to draw or to compute something first.",
    zh="這個對話裡還沒有執行過程式碼。請先讓我畫點什麼或算點什麼。",
)

# Mathematics

RESULT = Phrase(
    en="The result is\n\n\\[ {expression} {relation} {value} \\]",
    zh="結果是\n\n\\[ {expression} {relation} {value} \\]",
)
NOT_DEFINED = Phrase(
    en="\\( {expression} \\) is not defined: something in it is divided by zero.",
    zh="\\( {expression} \\) 沒有定義：其中有除以零。",
)
LONG_RESULT = Phrase(en="The result is `{value}`.", zh="結果是 `{value}`。")
SOLVING = Phrase(en="Let's solve \\( {equation} \\).", zh="來解 \\( {equation} \\)。")
COLLECTED = Phrase(
    en="1. Bring everything with \\( {name} \\) to the left and the numbers to the right:"
    " \\( {collected} \\)",
    zh="1. 把含 \\( {name} \\) 的項移到左邊、數字移到右邊：\\( {collected} \\)",
)
DIVIDED = Phrase(
    en="2. Divide both sides by \\( {factor} \\): \\( {solution} \\)",
    zh="2. 兩邊同除以 \\( {factor} \\)：\\( {solution} \\)",
)
SOLUTION = Phrase(en="**Solution:** \\( {solution} \\)", zh="**解：** \\( {solution} \\)")
SOLUTIONS = Phrase(en="**Solutions:**\n\n{solutions}", zh="**解：**\n\n{solutions}")
CHECKED = Phrase(
    en="Check: put into the left side it gives {left}, the right side is {right}.",
    zh="驗算：代入後左邊是 {left}，右邊是 {right}。",
)
NO_SOLUTION = Phrase(en="There is no solution.", zh="無解。")
ALWAYS_TRUE = Phrase(en="It holds for every value.", zh="任何值都成立。")
TRANSFORMED = Phrase(
    en="{what} of \\( {expression} \\) is\n\n\\[ {value} \\]",
    zh="\\( {expression} \\) 的{what}是\n\n\\[ {value} \\]",
)
DERIVATIVE = Phrase(en="The derivative", zh="導數")
INTEGRAL = Phrase(en="The integral", zh="積分")
FACTORED = Phrase(en="The factored form", zh="因式分解")
EXPANDED = Phrase(en="The expanded form", zh="展開式")
SIMPLIFIED = Phrase(en="The simplest form", zh="最簡形式")

# What documents say

FOUND = Phrase(en="Your files say:\n\n{quotes}", zh="您的檔案裡寫著：\n\n{quotes}")
FILES_BEGIN = Phrase(
    en="I can quote, but not summarise; this is how your files begin:\n\n{quotes}",
    zh="我只會引用，不會摘要；您的檔案開頭寫著：\n\n{quotes}",
)
NOT_READ = Phrase(
    en="I could not search these files:\n\n{files}",
    zh="以下檔案我無法搜尋：\n\n{files}",
)
NO_FILES = Phrase(
    en="There are no files here that I could search. Attach one to your message for file search, or"
    " add it to a vector store of the assistant, and ask again.",
    zh="這裡沒有我能搜尋的檔案。請把檔案附在訊息上供檔案搜尋，或加到助理的向量資料庫，再問一次。",
)
NOTHING_FOUND = Phrase(
    en="I searched your files and found nothing about that. I look for words, not for meaning:"
    " other words may help.",
    zh="我搜尋了您的檔案，沒有找到相關內容。我只找字詞，不懂意思，換個說法或許有用。",
)

# Functions of the caller

FUNCTION_ANSWERED = Phrase(en="`{name}` answered:\n\n{answer}", zh="`{name}` 的回答：\n\n{answer}")
FUNCTION_SILENT = Phrase(en="`{name}` answered nothing.", zh="`{name}` 沒有回答。")
