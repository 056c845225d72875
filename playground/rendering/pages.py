"""What a part of a file is called that its citations name."""

from pathlib import PurePath
from typing import Final

from django.utils.translation import gettext as _

SLIDES: Final = (".pptx",)


def page_name(filename: str, number: int | None) -> str:
    """ "page 3", of a presentation "slide 3"; empty for a file without pages."""
    if not number:
        return ""
    slides = PurePath(filename).suffix.lower() in SLIDES
    return (_("slide {number}") if slides else _("page {number}")).format(number=number)
