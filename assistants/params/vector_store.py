"""Bodies and queries about vector stores, the files in them and their batches."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
)
from pydantic.types import Strict
from pydantic_core import PydanticCustomError, PydanticKnownError

from assistants import refusals
from assistants.params.base import BY_TYPE, Metadata, Params, found, text_or
from assistants.params.listing import ListParams

MAX_ATTRIBUTE = 512
MAX_AT_CREATION = 500
"""So many files a store may be created with; more come in batches."""
MAX_BATCH = 2000
MAX_CONDITIONS = 100
"""So many conditions may stand within a search's filter, at all its levels together."""
MAX_INLINE = 10_000
"""So many files a store may be created with together with an assistant or a thread."""

Id = Annotated[str, Strict()]
Name = Annotated[str, StringConstraints(max_length=256)]
Description = Annotated[str, StringConstraints(max_length=512)]


class ExpiresAfter(Params):
    anchor: Literal["last_active_at"]
    days: Annotated[int, Ge(1), Le(365)]


class StaticChunking(Params):
    max_chunk_size_tokens: Annotated[int, Ge(100), Le(4096)]
    chunk_overlap_tokens: Annotated[int, Ge(0)]

    @field_validator("chunk_overlap_tokens")
    @classmethod
    def _at_most_half(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("max_chunk_size_tokens")
        if size is not None and overlap > size // 2:
            raise PydanticKnownError("less_than_equal", {"le": size // 2})
        return overlap


class AutoStrategy(Params):
    type: Literal["auto"]

    @property
    def chunking(self) -> StaticChunking:
        return StaticChunking(max_chunk_size_tokens=800, chunk_overlap_tokens=400)


class StaticStrategy(Params):
    type: Literal["static"]
    static: StaticChunking

    @property
    def chunking(self) -> StaticChunking:
        return self.static


ChunkingStrategy = Annotated[
    Annotated[AutoStrategy, Tag("~auto")] | Annotated[StaticStrategy, Tag("~static")], BY_TYPE
]


def _attribute(value: Any) -> Any:
    """Refused here, in one finding with one place, and not once for each type that it is not."""
    if not isinstance(value, str | bool | int | float):
        raise PydanticCustomError("attribute", "wrong type")
    if isinstance(value, str) and len(value) > MAX_ATTRIBUTE:
        raise PydanticKnownError("string_too_long", {"max_length": MAX_ATTRIBUTE})
    return value


AttributeKey = Annotated[str, StringConstraints(max_length=64)]
AttributeValue = Annotated[str | bool | int | FiniteFloat, BeforeValidator(_attribute)]
Attributes = Annotated[dict[AttributeKey, AttributeValue], MaxLen(16)]


class VectorStoreCreate(Params):
    """``chunking_strategy`` is of the files that it is created with."""

    file_ids: Annotated[list[Id], MaxLen(MAX_AT_CREATION)] | None = None
    name: Name | None = None
    description: Description | None = None
    expires_after: ExpiresAfter | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: Metadata | None = None


class InlineVectorStore(Params):
    """A store that is created together with the assistant or thread that it is for."""

    file_ids: Annotated[list[Id], MaxLen(MAX_INLINE)] | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: Metadata | None = None


class VectorStoreUpdate(Params):
    name: Name | None = None
    expires_after: ExpiresAfter | None = None
    metadata: Metadata | None = None


class VectorStoreFileCreate(Params):
    file_id: Id
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class VectorStoreFileUpdate(Params):
    attributes: Attributes | None


class FileBatchCreate(Params):
    """Either files that share their attributes and chunking, or files with their own."""

    file_ids: Annotated[list[Id], MinLen(1), MaxLen(MAX_BATCH)] | None = None
    files: Annotated[list[VectorStoreFileCreate], MinLen(1), MaxLen(MAX_BATCH)] | None = None
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None

    def each(self) -> list[VectorStoreFileCreate]:
        """The files one by one, each with what is said of it.

        :raises Invalid: neither list is given, or both are
        """
        if self.files is not None and self.file_ids is not None:
            raise refusals.FILES_TWICE()
        if self.files is not None:
            return self.files
        if self.file_ids is None:
            raise refusals.MISSING(path="file_ids")
        return [
            VectorStoreFileCreate(
                file_id=file_id,
                attributes=self.attributes,
                chunking_strategy=self.chunking_strategy,
            )
            for file_id in self.file_ids
        ]


class VectorStoreFileListParams(ListParams):
    filter: Literal["in_progress", "completed", "failed", "cancelled"] | None = None


def _comparable(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("text_or_number", "wrong type")
    return value


TextOrNumber = Annotated[str | int | FiniteFloat, BeforeValidator(_comparable)]


class Equality(Params):
    type: Literal["eq", "ne"]
    key: str
    value: Annotated[str | bool | int | FiniteFloat, BeforeValidator(_attribute)]


class Order(Params):
    type: Literal["gt", "gte", "lt", "lte"]
    key: str
    value: TextOrNumber


class Membership(Params):
    type: Literal["in", "nin"]
    key: str
    value: Annotated[list[TextOrNumber], MaxLen(1000)]


class Compound(Params):
    type: Literal["and", "or"]
    filters: Annotated[list["Filter"], MinLen(1), MaxLen(100)]


Filter = Annotated[
    Annotated[Equality, Tag("~eq")]
    | Annotated[Equality, Tag("~ne")]
    | Annotated[Order, Tag("~gt")]
    | Annotated[Order, Tag("~gte")]
    | Annotated[Order, Tag("~lt")]
    | Annotated[Order, Tag("~lte")]
    | Annotated[Membership, Tag("~in")]
    | Annotated[Membership, Tag("~nin")]
    | Annotated[Compound, Tag("~and")]
    | Annotated[Compound, Tag("~or")],
    BY_TYPE,
]
"""A condition on the attributes of files."""


class SearchRanking(Params):
    ranker: Literal["none", "auto", "default-2024-11-15"] = "auto"
    score_threshold: Annotated[float, Ge(0), Le(1)] = 0.0


Query = Annotated[
    Annotated[str, Tag("~text")]
    | Annotated[Annotated[list[Id], MinLen(1), MaxLen(100)], Tag("~texts")],
    text_or("~texts", list, "text_or_texts"),
]


def _limited(condition: Filter) -> Filter:
    """Nested, conditions could be as many as fit into a request, and each file is tried by all."""
    count, compounds = 0, [condition]
    while compounds:
        inner = compounds.pop()
        if isinstance(inner, Compound):
            count += len(inner.filters)
            compounds += inner.filters
    if count > MAX_CONDITIONS:
        raise found(refusals.TOO_MANY_CONDITIONS, limit=MAX_CONDITIONS, got=count)
    return condition


class VectorStoreSearch(Params):
    query: Query
    filters: Annotated[Filter, AfterValidator(_limited)] | None = None
    max_num_results: Annotated[int, Ge(1), Le(50)] = 10
    ranking_options: SearchRanking = Field(default_factory=SearchRanking)
    rewrite_query: bool = False

    @property
    def queries(self) -> list[str]:
        return [self.query] if isinstance(self.query, str) else self.query
