"""Static files under names with their hash, to be cached for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage as Storage


class ModulesStorage(Storage):
    """Writes the hashed names into the imports of our JavaScript modules as well.

    Only of ours, in ``static/js``: Django's pattern for imports also finds what looks like one in
    the comments of the bundled htmx.
    """

    patterns = (*Storage.patterns, ("js/*.js", Storage._js_module_import_aggregation_patterns[1]))
