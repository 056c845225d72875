"""A thread as something to keep: Markdown, a notebook, a page to print, or all its objects as JSON,
which another instance takes in again (``reading``).

Whatever is written is written in pieces, however long the thread is and however large its files.
"""
