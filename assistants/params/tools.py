"""Tools, what they may open, and how an answer is to be formed: shared by assistants, threads
and runs.
"""

from typing import Annotated, Any, Final, Literal, Self

from annotated_types import Ge, Le, MaxLen
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    Tag,
    model_serializer,
    model_validator,
)
from pydantic.types import Strict

from assistants import refusals
from assistants.models import VectorStore
from assistants.params import schemas
from assistants.params.base import BY_TYPE, FileIds, P, Params, found, id_of, text_or
from assistants.params.vector_store import InlineVectorStore

NAME: Final = r"^[a-zA-Z0-9_-]{1,64}$"
FunctionName = Annotated[str, StringConstraints(pattern=NAME)]


class CodeInterpreterTool(Params):
    type: Literal["code_interpreter"]


class RankingOptions(Params):
    """Which results of a file search count. ``hybrid_search`` is on the wire, always null, and so
    comes back from programs that hand in what they were given.
    """

    ranker: Literal["auto", "default_2024_08_21"] = "default_2024_08_21"
    score_threshold: Annotated[float, Ge(0), Le(1)]
    hybrid_search: None = None

    @model_validator(mode="after")
    def _spell_out(self) -> Self:
        return _with_all_set(self)


class FileSearchOptions(Params):
    max_num_results: Annotated[int, Ge(1), Le(50)] | None = None
    ranking_options: RankingOptions = Field(
        default_factory=lambda: RankingOptions(score_threshold=0.0)
    )

    @model_validator(mode="after")
    def _spell_out(self) -> Self:
        return _with_all_set(self)

    @model_serializer(mode="wrap")
    def _without_null(self, handler: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]
        """As recordings show it: a number of results that was not named is not there."""
        # Without a type of its answer, so that the reference goes on to describe the fields.
        wire = handler(self)
        if wire["max_num_results"] is None:
            del wire["max_num_results"]
        return wire


class FileSearchTool(Params):
    type: Literal["file_search"]
    file_search: FileSearchOptions = Field(default_factory=FileSearchOptions)

    @model_validator(mode="after")
    def _spell_out(self) -> Self:
        return _with_all_set(self)


def _with_all_set(params: P) -> P:
    """The service shows what was left out, so defaults count as given."""
    params.model_fields_set.update(type(params).model_fields)
    return params


class _WithoutNulls(Params):
    """What was left out stays so: the specification knows no null here."""

    @model_serializer(mode="wrap")
    def _given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class FunctionDefinition(_WithoutNulls):
    name: FunctionName
    description: str | None = None
    # The normalisation that recordings show: a function without parameters comes back with an empty
    # object.
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = False

    @model_validator(mode="after")
    def _parameters_are_a_schema(self) -> Self:
        try:
            schemas.check(self.parameters, strict=bool(self.strict))
        except schemas.BadSchema as bad:
            raise found(
                refusals.FUNCTION_SCHEMA, field="parameters", name=self.name, fault=bad
            ) from bad
        return self


class FunctionTool(Params):
    type: Literal["function"]
    function: FunctionDefinition


class FileSearchTypeOnly(Params):
    """File search as attachments and tool choices name it: without options."""

    type: Literal["file_search"]


Tool = Annotated[
    Annotated[CodeInterpreterTool, Tag("~code_interpreter")]
    | Annotated[FileSearchTool, Tag("~file_search")]
    | Annotated[FunctionTool, Tag("~function")],
    BY_TYPE,
]
Tools = Annotated[list[Tool], MaxLen(128)]


class CodeInterpreterResources(Params):
    file_ids: FileIds = []


OneStore = Annotated[list[Annotated[str, Strict(), id_of(VectorStore)]], MaxLen(1)]


class VectorStoreIds(Params):
    vector_store_ids: OneStore | None = None


class FileSearchResources(VectorStoreIds):
    """A store that is there, or one to be created."""

    vector_stores: Annotated[list[InlineVectorStore], MaxLen(1)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "FileSearchResources":
        if self.vector_store_ids and self.vector_stores:
            raise found(refusals.STORES_TWICE)
        return self


class ToolResources(Params):
    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchResources | None = None


class ToolResourcesUpdate(Params):
    """As above, without stores to be created."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: VectorStoreIds | None = None


class JsonSchema(_WithoutNulls):
    name: FunctionName
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")] = {}
    strict: bool | None = None

    @model_validator(mode="after")
    def _schema_is_one(self) -> Self:
        try:
            schemas.check(self.schema_, strict=bool(self.strict))
        except schemas.BadSchema as bad:
            raise found(refusals.ANSWER_SCHEMA, field="schema", name=self.name, fault=bad) from bad
        return self


class TextFormat(Params):
    type: Literal["text"]


class JsonObjectFormat(Params):
    type: Literal["json_object"]


class JsonSchemaFormat(Params):
    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[
    Annotated[Literal["auto"], Tag("~text")]
    | Annotated[
        Annotated[TextFormat, Tag("~text")]
        | Annotated[JsonObjectFormat, Tag("~json_object")]
        | Annotated[JsonSchemaFormat, Tag("~json_schema")],
        BY_TYPE,
        Tag("~object"),
    ],
    text_or("~object", dict, "text_or_object"),
]


class NamedFunction(Params):
    name: FunctionName


class FunctionChoice(Params):
    type: Literal["function"]
    function: NamedFunction


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("~text")]
    | Annotated[
        Annotated[FunctionChoice, Tag("~function")]
        | Annotated[CodeInterpreterTool, Tag("~code_interpreter")]
        | Annotated[FileSearchTypeOnly, Tag("~file_search")],
        BY_TYPE,
        Tag("~object"),
    ],
    text_or("~object", dict, "text_or_object"),
]

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
