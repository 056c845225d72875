"""The pages, one module a noun, and the health check."""
