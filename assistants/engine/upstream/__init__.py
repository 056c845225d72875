"""Runs that are executed on another Assistants server: sent there, followed, and copied here as
they go on. See docs/upstreams.md.
"""
