"""What ``include[]`` asks for: the text of the results of file searches, which a step tells of only
then.
"""

from assistants.errors import Wire


def step(wire: Wire, *, result_content: bool) -> Wire:
    """The run step as it goes out, with or without the text of its results."""
    details = wire["step_details"]
    if result_content or details["type"] != "tool_calls":
        return wire
    calls = [_without_content(call) for call in details["tool_calls"]]
    return {**wire, "step_details": {**details, "tool_calls": calls}}


def _without_content(call: Wire) -> Wire:
    if call["type"] != "file_search":
        return call
    results = [
        {name: value for name, value in result.items() if name != "content"}
        for result in call["file_search"]["results"]
    ]
    return {**call, "file_search": {**call["file_search"], "results": results}}
