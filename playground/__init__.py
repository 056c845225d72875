"""The Django project and the studio: the pages on top of the service in ``assistants``."""
