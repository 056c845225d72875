"""Reading files, cutting them into passages, and finding these again: docs/retrieval.md.

Nothing here knows of Django, the models or the API.
"""
