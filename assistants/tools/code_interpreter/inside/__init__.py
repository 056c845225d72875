"""Programs that run inside a sandbox, by the sandbox's own Python. The service never imports them."""
