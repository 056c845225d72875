"""``make run``: starts every process of the Procfile, keeps it running, and stops all of them."""
