"""The service: the Assistants API over any chat model. It knows nothing of the pages."""
