"""Attached files: charts, summaries, questions, other formats, and tables made from nothing."""

import io
import zipfile

import pytest

from tests.engine.demo.demo_thread import Thread

SALES = """month,region,unit price,units
2024-01,north,10.5,3
2024-02,south,12.0,5
2024-03,north,9.5,7
2024-04,east,11,2
"""


@pytest.fixture
def sales(thread: Thread) -> Thread:
    thread.attach("sales.csv", SALES)
    return thread


@pytest.mark.parametrize(
    "prompt, drawing, told",
    [
        ("bar chart of units by region", "plt.bar(", "bar chart of **units** and **region**"),
        ("plot the unit price by month", "plt.plot(", "**unit price** and **month**"),
        ("scatter plot of unit price vs units", "plt.scatter(", "**unit price** and **units**"),
        ("histogram of the unit price", "plt.hist(", "histogram of **unit price**"),
        ("pie chart of units per region", "plt.pie(", "pie chart of **units** and **region**"),
        ("draw a box plot", "plt.boxplot(", "box plot"),
        ("plot the data", "plt.plot(", "line chart"),
        ("用長條圖畫出 units", "plt.bar(", "長條圖"),
    ],
)
async def test_columns_are_drawn(sales: Thread, prompt: str, drawing: str, told: str) -> None:
    turn = await sales.say(prompt)
    assert drawing in turn.code
    assert turn.has_image, turn.answer
    assert told in turn.text
    assert "plt.grid(True)" in turn.code or drawing == "plt.pie("


AXIS = """
ax = plt.gcf().axes[0]
ax.figure.canvas.draw()
print('places:', [float(x) for x in ax.lines[0].get_xdata(orig=False)])
print('ticks:', [tick.get_text() for tick in ax.get_xticklabels()])
plt.show()
"""
"""What stands on the x-axis of a chart, printed just before the chart is shown."""


@pytest.mark.parametrize(
    "prompt",
    [
        "plot sales by month",
        "plot the columns",
        "line chart of sales",
        "plot this file",
        "draw a line chart of sales and cost",
    ],
)
@pytest.mark.parametrize(
    "names",
    [
        ["Jan", "Feb", "Mar", "Apr"],
        ["January", "February", "March", "April"],
        ["Nov", "Dec", "Jan", "Feb"],
        ["Wed", "Thu", "Fri", "Mon"],
        ["Monday", "Tuesday", "Wednesday", "Sunday"],
        ["Jan 5", "Jan 12", "Jan 19", "Feb 2"],
        ["May", "", "Jul", "Aug"],
    ],
    ids=["short", "long", "over new year", "weekdays", "long weekdays", "days", "gap"],
)
async def test_months_and_weekdays_run_along_a_line_in_the_order_of_the_file(
    thread: Thread, names: list[str], prompt: str
) -> None:
    rows = [f"{name},{10 - place},{place}" for place, name in enumerate(names)]
    thread.attach("sales.csv", "\n".join(["month,sales,cost", *rows]))
    turn = await thread.say(prompt)
    assert turn.has_image, turn.answer
    assert len(turn.codes) == 1
    assert "**month**" in turn.text
    axis = thread.python.run(turn.code.replace("plt.show()\n", AXIS), thread.folder)
    assert "places: [0.0, 1.0, 2.0, 3.0]" in axis
    assert f"ticks: {[name or 'nan' for name in names]}" in axis


@pytest.mark.parametrize(
    "days",
    [["2024-03-02", "2024-03-01"], ["March 2024", "January 2024"], ["1700-01-02", "1700-01-01"]],
    ids=["days", "months of a year", "long ago"],
)
async def test_dates_run_along_a_line_in_the_order_of_time(thread: Thread, days: list[str]) -> None:
    thread.attach("sales.csv", "\n".join(["when,sales", *(f"{day},3" for day in days)]))
    turn = await thread.say("plot sales")
    axis = thread.python.run(turn.code.replace("plt.show()\n", AXIS), thread.folder)
    first, second = axis.partition("places: [")[2].partition("]")[0].split(", ")
    assert float(first) < float(second)
    assert abs(float(first)) > 1000


@pytest.mark.parametrize(
    "content",
    [
        "a;b\n1;2\n3;4\n",
        "a\tb\n1\t2\n3\t4\n",
        "only\n1\n2\n",
        "name\nx\ny\nx\n",
        "\ufeffa,b\n1,2\n",
        "größe,b\n1,2\n3,4\n".encode("latin-1"),
        "a,b\n1,2\n1,2,3,4\n5,6\n",
        "a,b\n,\n3,\n",
    ],
    ids=["semicolons", "tabs", "one", "words", "bom", "latin-1", "ragged", "gaps"],
)
async def test_tables_of_every_make_are_drawn_and_summarized(
    thread: Thread, content: str | bytes
) -> None:
    thread.attach("odd.csv", content)
    drawn = await thread.say("bar chart")
    assert drawn.has_image, drawn.answer
    told = await thread.say("summarize the file")
    assert "columns**" in told.text, told.answer


async def test_a_table_without_numbers_is_no_reason_to_lie(thread: Thread) -> None:
    thread.attach("words.csv", "name\nx\ny\n")
    turn = await thread.say("scatter plot")
    assert not turn.has_image
    assert len(turn.codes) == 2
    assert "did not work" in turn.text


@pytest.mark.parametrize("content", ["", "\n", " \n\n"], ids=["nothing", "line", "spaces"])
@pytest.mark.parametrize("prompt", ["bar chart", "summarize the file", "what is the mean"])
async def test_an_empty_table_is_called_empty(thread: Thread, prompt: str, content: str) -> None:
    thread.attach("nothing.csv", content)
    turn = await thread.say(prompt)
    assert len(turn.codes) <= 1
    assert " is empty" in turn.text
    assert "Error" not in turn.text


async def test_an_empty_file_among_several_does_not_keep_the_others_out(sales: Thread) -> None:
    sales.attach("nothing.csv", "")
    turn = await sales.say("Summarize both")
    assert "`sales.csv` has" in turn.text
    assert "`nothing.csv` is empty" in turn.text


async def test_a_table_is_summarized(sales: Thread) -> None:
    turn = await sales.say("Summarize the file")
    assert "**4 rows** and **4 columns**" in turn.text
    assert "No value is missing." in turn.text
    assert turn.text.count("\n|:") >= 2


async def test_questions_about_columns(sales: Thread) -> None:
    turn = await sales.say("What is the average unit price by region?")
    assert "| north" in turn.text
    assert "10 |" in turn.text
    turn = await sales.say("what is the total of units")
    assert "17" in turn.text


async def test_the_named_file_is_meant_else_the_newest(sales: Thread) -> None:
    sales.attach("other.csv", "p,q\n1,2\n")
    assert "`other.csv`" in (await sales.say("summarize the data")).text
    assert "`sales.csv`" in (await sales.say("summarize sales.csv")).text


@pytest.mark.parametrize(
    "prompt", ["Summarize the files", "what is in all the attachments?", "這些檔案有什麼內容？"]
)
async def test_several_files_are_summarized_one_after_the_other(sales: Thread, prompt: str) -> None:
    sales.attach("notes.txt", "Nothing rhymes with orange. Nothing at all.")
    sales.attach("other.csv", "p,q\n1,2\n")
    turn = await sales.say(prompt)
    assert len(turn.codes) == 1
    places = [turn.text.index(f"`{name}`") for name in ("sales.csv", "notes.txt", "other.csv")]
    assert places == sorted(places)
    assert turn.text.count("real model would") + turn.text.count("真正的模型") == 1


async def test_one_untidy_file_among_several_does_not_keep_the_others_out(sales: Thread) -> None:
    sales.attach("odd.csv", "a,b\n1,2\n1,2,3,4\n5,6\n")
    turn = await sales.say("Summarize both")
    assert "`sales.csv`" in turn.text
    assert "`odd.csv`" in turn.text


async def test_a_table_is_converted(sales: Thread) -> None:
    turn = await sales.say("convert the csv to Excel")
    assert "[data.xlsx](sandbox:/mnt/data/data.xlsx)" in turn.text
    assert zipfile.is_zipfile(io.BytesIO((sales.folder / "data.xlsx").read_bytes()))


async def test_a_text_is_summarized_by_what_can_be_counted(thread: Thread) -> None:
    thread.attach("notes.txt", "Rain came late. The river rose.\nThe river fell again! End.\n")
    turn = await thread.say("What does this file say?")
    assert "lines **2**" in turn.text
    assert "river (2)" in turn.text
    assert "> Rain came late. The river rose." in turn.text
    assert "did not understand" in turn.text


async def test_the_beginning_of_a_text_stands_as_it_is_written(thread: Thread) -> None:
    beginning = "See http://www.w3.org/TR/2.1 for v1.2.3! It costs 3.50. Ask e.g. me?"
    thread.attach("notes.txt", beginning)
    turn = await thread.say("Summarize the file")
    assert "See http://www.w3.org/TR/2.1 for v1.2.3! It costs 3.50." in turn.text


async def test_a_chinese_text_is_summarized_in_chinese(thread: Thread) -> None:
    thread.attach("詩.txt", "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。")
    turn = await thread.say("請摘要這個檔案")
    assert "床前明月光" in turn.text
    assert "真正的模型才行" in turn.text


async def test_a_file_that_is_not_there_is_asked_for(thread: Thread) -> None:
    assert "Attach one" in (await thread.say("summarize the csv")).text
    assert "I need data" in (await thread.say("make a bar chart of my columns")).text


async def test_random_data_is_made_saved_drawn_and_converted(thread: Thread) -> None:
    turn = await thread.say("make 50 rows of random data and save it as CSV")
    assert "[random_data.csv](sandbox:/mnt/data/random_data.csv)" in turn.text
    assert len((thread.folder / "random_data.csv").read_text().splitlines()) == 51
    assert "| date" in turn.text
    drawn = await thread.say("plot it")
    assert drawn.has_image
    again = await thread.say("make random data")
    assert again.code.count("rows = 20") == 1
    saved = await thread.say("save it as Excel")
    assert "data.xlsx" in saved.text


async def test_tables_of_numbers(thread: Thread) -> None:
    turn = await thread.say("Show me a multiplication table")
    assert "100 |" in turn.text
    turn = await thread.say("a table of squares up to 12")
    assert "144" in turn.text


async def test_there_may_be_nothing_to_save(thread: Thread) -> None:
    turn = await thread.say("save it as CSV")
    assert turn.codes == []
    assert "nothing to save" in turn.text
