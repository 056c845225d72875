"""Static files under names with their hash, to be cached for ever; scripts without comments."""

from typing import Any

import rjsmin
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage as Storage

MINIFIER = f"rjsmin {rjsmin.__version__}"


class ModulesStorage(Storage):
    """Writes the hashed names into the imports of our JavaScript modules as well.

    Only of ours, in ``static/js``: Django's pattern for imports also finds what looks like one in
    the comments of the bundled htmx, which is minified as it comes.
    """

    patterns = (*Storage.patterns, ("js/*.js", Storage._js_module_import_aggregation_patterns[1]))

    def _save(self, name: str, content: Any) -> str:
        """Of each file twice: as it is, and with the hashed names in it."""
        if name.startswith("js/") and name.endswith(".js"):
            content = ContentFile(minified(b"".join(content.chunks()).decode()))
        saved: str = super()._save(name, content)
        return saved


def minified(script: str) -> bytes:
    """The same script without comments and indentation. Text in a template that stands within
    another, and a pattern right behind an arrow, would lose spaces, too: a test finds them.
    """
    return str(rjsmin.jsmin(script)).encode()
