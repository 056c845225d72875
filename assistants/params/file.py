"""The form that uploads a file."""

from datetime import timedelta
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import ConfigDict, Field

from assistants import refusals
from assistants.params.base import Digits, Params

ANCHOR, SECONDS = "expires_after[anchor]", "expires_after[seconds]"


class FileUpload(Params):
    """The fields beside the file itself. A form's fields arrive as text."""

    model_config = ConfigDict(strict=False)

    purpose: str
    anchor: Literal["created_at"] | None = Field(None, alias=ANCHOR)
    seconds: Annotated[int, Digits, Ge(3600), Le(2_592_000)] | None = Field(None, alias=SECONDS)

    def expires_after(self) -> timedelta | None:
        """How long the file is to be kept, None for ever.

        :raises Invalid: half of it is missing
        """
        if self.anchor is None and self.seconds is None:
            return None
        if self.anchor is None or self.seconds is None:
            missing = ANCHOR if self.anchor is None else SECONDS
            raise refusals.MISSING(path=missing)
        return timedelta(seconds=self.seconds)
