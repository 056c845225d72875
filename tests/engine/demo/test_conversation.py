"""Reading a request: messages, files, tools, and what has just been answered."""

from assistants.engine.demo.conversation import AttachedFile, Conversation, Json
from assistants.engine.demo.output import Output
from tests.engine.demo.demo_thread import CODE_TOOL

SYSTEM = """Be kind.

Files you can open with code:
- /mnt/data/file-1 (a (final), v2.csv, 120 bytes)
- /mnt/data/file-2 (數據.TXT, 3 bytes); older than /mnt/data/數據.TXT, only under this path
- not a file line
"""


def code_call(call_id: str, code: str) -> Json:
    function = {"name": "code_interpreter", "arguments": f'{{"code": "{code}"}}'}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }


def answer(call_id: str, text: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def test_files_and_instructions_come_from_the_system_message() -> None:
    read = Conversation.read({"messages": [{"role": "system", "content": SYSTEM}, user("hi")]})
    assert read.instructions == "Be kind."
    assert read.files == (
        AttachedFile("/mnt/data/file-1", "a (final), v2.csv", 120),
        AttachedFile("/mnt/data/file-2", "數據.TXT", 3),
    )
    assert [file.extension for file in read.files] == ["csv", "txt"]
    assert read.file() == read.files[1]
    assert read.file(tables_only=True) == read.files[0]


def test_content_parts_are_read_as_text() -> None:
    parts = [
        {"type": "text", "text": "draw"},
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "text", "text": "it"},
    ]
    assert Conversation.read({"messages": [{"role": "user", "content": parts}]}).text == "draw\nit"


def test_code_of_earlier_turns_is_the_past_and_of_this_one_the_present() -> None:
    read = Conversation.read(
        {
            "messages": [
                user("one"),
                code_call("a", "plt.show()"),
                answer("a", "[image shown to the user: x.png]"),
                {"role": "assistant", "content": "Here."},
                user("two"),
                code_call("b", "1/0"),
                answer("b", "Traceback (most recent call last):\nZeroDivisionError: no"),
            ],
            "tools": [CODE_TOOL],
        }
    )
    assert [call.code for call in read.past] == ["plt.show()"]
    assert [call.code for call in read.answered] == ["1/0"]
    assert read.answered[0].output.failed
    assert read.code_runs == 1
    assert read.last_plot is not None
    assert read.last_plot.output.images == ("x.png",)
    assert read.can_run_code


def test_a_second_run_without_a_new_message_begins_anew() -> None:
    messages = [user("one"), code_call("a", "1"), answer("a", "1")]
    assert Conversation.read({"messages": messages}).answered
    messages.append({"role": "assistant", "content": "It is 1."})
    assert not Conversation.read({"messages": messages}).answered


def test_plots_that_failed_are_not_the_last_plot() -> None:
    messages = [
        user("one"),
        code_call("a", "plt.good()"),
        answer("a", ""),
        code_call("b", "plt.bad()"),
        answer("b", "  Cell In[1], line 1\nSyntaxError: invalid syntax"),
        user("two"),
    ]
    last = Conversation.read({"messages": messages}).last_plot
    assert last is not None
    assert last.code == "plt.good()"


def test_output_is_taken_apart() -> None:
    output = Output.read(
        "rows: 3\n| a |\n|---|\n| 1 |\n\n[image shown to the user: f.png]\n"
        "[file saved: /mnt/data/my file.csv]"
    )
    assert output.value("rows") == "3"
    assert output.tables() == ["| a |\n|---|\n| 1 |"]
    assert output.images == ("f.png",)
    assert output.files == ("/mnt/data/my file.csv",)
    assert not output.failed
    assert Output.read("(no output)") == Output()


def test_printed_words_about_errors_are_no_error() -> None:
    assert not Output.read("Errors: 3\nThe error rate is 5").failed
    assert not Output.read("ValueError was raised\nand then handled").failed
