"""What a caller may ask of a list: query parameters."""

from typing import Annotated, Final, Literal

from annotated_types import Ge, Le
from pydantic import ConfigDict, Field

from assistants.params.base import Digits, Params


class ListParams(Params):
    """``after`` and ``before`` are ids of objects of the list.

    Query parameters arrive as text, and unknown ones pass: ``api-version`` is one.
    """

    model_config = ConfigDict(extra="ignore", strict=False)

    limit: Annotated[int, Digits, Ge(1), Le(100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


Included = list[Literal["step_details.tool_calls[*].file_search.results[*].content"]]
RESULT_CONTENT: Final = "step_details.tool_calls[*].file_search.results[*].content"


class IncludeParams(Params):
    """What an answer shall have beside what it always has. There is one such thing: the text of
    what a file search found.
    """

    model_config = ConfigDict(extra="ignore", strict=False)

    include: Annotated[Included, Field(alias="include[]")] = []
    bare: Annotated[Included, Field(alias="include")] = []
    """The same, as programs write it that know nothing of the brackets."""

    @property
    def result_content(self) -> bool:
        return RESULT_CONTENT in [*self.include, *self.bare]


class StepListParams(ListParams, IncludeParams):
    pass


class MessageListParams(ListParams):
    run_id: str | None = None


class FileListParams(ListParams):
    limit: Annotated[int, Digits, Ge(1), Le(10_000)] = 10_000
    purpose: str | None = None
