"""Programs that run inside a sandbox, by its own Python. The service never imports them."""
