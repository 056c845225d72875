"""The media types of stored files, which are told by their names."""

import mimetypes

_OPENXML = "application/vnd.openxmlformats-officedocument"

_types = mimetypes.MimeTypes(filenames=())
"""Python's own table: the machine's, which differs from one to the next, stays out of it."""

# What the documentation of the Assistants API calls the files that its tools take, where Python
# knows no name or another one.
for _ending, _type in {
    ".c": "text/x-c",
    ".cpp": "text/x-c++",
    ".cs": "text/x-csharp",
    ".docx": f"{_OPENXML}.wordprocessingml.document",
    ".go": "text/x-golang",
    ".java": "text/x-java",
    ".js": "text/javascript",
    ".md": "text/markdown",
    ".php": "text/x-php",
    ".pptx": f"{_OPENXML}.presentationml.presentation",
    ".rb": "text/x-ruby",
    ".tex": "text/x-tex",
    ".ts": "application/typescript",
    ".webp": "image/webp",
    ".xlsx": f"{_OPENXML}.spreadsheetml.sheet",
}.items():
    _types.add_type(_type, _ending)


def content_type(filename: str) -> str:
    """The type of the bytes under this name; bytes of an unknown or compressed kind are just
    bytes.
    """
    known, encoding = _types.guess_type(filename)
    return known if known and not encoding else "application/octet-stream"
