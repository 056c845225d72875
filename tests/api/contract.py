"""The service's own specification and recordings of its traffic, where a copy of them lies beside
this checkout.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from jsonschema import Draft202012Validator

FOLDER = Path(settings.BASE_DIR).parent / "shared" / "contract"
SPECIFICATION = FOLDER / "openapi-assistants.yaml"
RECORDINGS = FOLDER / "recordings"

Json = dict[str, Any]

NULL_ON_THE_WIRE = {
    "OpenAIFile": ("expires_at", "status_details"),
    "RunObject": ("instructions",),
    "ListAssistantsResponse": ("first_id", "last_id"),
    "ListMessagesResponse": ("first_id", "last_id"),
    "ListRunsResponse": ("first_id", "last_id"),
    "ListRunStepsResponse": ("first_id", "last_id"),
    "ListFilesResponse": ("first_id", "last_id"),
    "VectorStoreObject": ("name", "expires_after"),
    "ListVectorStoresResponse": ("first_id", "last_id"),
    "ListVectorStoreFilesResponse": ("first_id", "last_id"),
}
"""Where recordings show null and the specification does not allow it."""


@cache
def specification() -> Json:
    found: Json = yaml.safe_load(SPECIFICATION.read_text(encoding="utf-8"))
    schemas = found["components"]["schemas"]
    for name, fields in NULL_ON_THE_WIRE.items():
        for field in fields:
            properties = schemas[name]["properties"]
            properties[field] = {"anyOf": [properties[field], {"type": "null"}]}
    return found


def breaches(method: str, path: str, answer: Any) -> list[str]:
    """What the answer to an operation has against the specification.

    :param path: as the specification writes it, with its parameters in braces
    """
    operation = specification()["paths"][path][method.lower()]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": specification()["components"]})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(answer)]


def recording(name: str) -> list[Json]:
    """The exchanges of a recording, in order."""
    text = (RECORDINGS / f"{name}.json").read_text(encoding="utf-8")
    entries: list[Json] = json.loads(text)["Entries"]
    return entries
