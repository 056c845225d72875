"""Has ready what the first view of a page would wait for: templates, addresses, languages, text.

The web server does it in a thread once it is made, while the worker still starts.
"""

from pathlib import Path
from typing import Final

from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse
from django.utils import formats, translation

from playground.rendering.markdown import render

FOLDERS: Final = ("", "assistants", "inspector", "parts", "projects", "samples", "threads")
"""Of the templates: those that the page of a thread is made of."""
SAMPLE: Final = """# One

**two** `three` $x^2$

```python
4
```
"""


def warm_up() -> None:
    """Read and compile; nothing is asked of the database or of Redis."""
    templates = Path(settings.BASE_DIR) / "templates"
    for folder in FOLDERS:
        for file in (templates / folder).glob("*.html"):
            get_template(str(file.relative_to(templates)))
    reverse("threads")
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            translation.gettext("Threads")
            formats.get_format("DATE_FORMAT")
    render(SAMPLE)
