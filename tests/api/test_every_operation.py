"""What schemathesis draws from the API's own reference, for every operation: right requests,
wrong ones, and answers that are what the reference says they are.
"""

import json
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from assistants.api.urls import api

EXAMPLES = 8


DOCUMENT = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/v1/"), default=str))
schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_what_the_reference_says(
    case: schemathesis.Case[Any], address: str, secret: str, known: dict[str, str]
) -> None:
    # Ids that are nobody's would all be answered alike; other tests send those.
    case.path_parameters |= {name: known[name] for name in case.path_parameters if name in known}
    response = case.call(base_url=address, headers={"Authorization": f"Bearer {secret}"})
    case.validate_response(
        response, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
    )
