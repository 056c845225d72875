"""What ``manage.py check --deploy`` looks at beside Django's own checks."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(checks.Tags.security, deploy=True)
def check_https(**_: Any) -> list[checks.CheckMessage]:
    """All that Django has to say of https follows from one setting of ours."""
    if settings.PUBLIC_URL.startswith("https://"):
        return []
    return [
        checks.Warning(
            "Sessions and passwords can be read on their way here.",
            hint="Put a proxy that speaks https before it, and set PUBLIC_URL=https://...",
            id="playground.W001",
        )
    ]
