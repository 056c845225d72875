"""What a request need not say, because it is so anyway."""

from typing import Any, Final

_SCHEMA: Final = {"type": "object", "properties": {}}
_RANKING: Final = {"ranker": "default_2024_08_21", "score_threshold": 0.0}


def without(fields: dict[str, Any], **by_default: Any) -> dict[str, Any]:
    """The fields that are not null, and not as these are by default."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value != by_default.get(name)
    }


def tool(given: dict[str, Any]) -> dict[str, Any]:
    """A tool as a person would write it. What a function's schema says is left as it is."""
    match given:
        case {"type": "function", "function": function}:
            return {**given, "function": without(function, strict=False, parameters=_SCHEMA)}
        case {"type": "file_search", "file_search": options}:
            ranking = without(options.get("ranking_options") or {})
            kept = without({**options, "ranking_options": ranking}, ranking_options=_RANKING)
            return without({**given, "file_search": kept}, file_search={})
    return given


def answer_format(given: Any) -> Any:
    """A response format as a person would write it."""
    match given:
        case {"json_schema": schema}:
            return {**given, "json_schema": without(schema, strict=False)}
    return given
