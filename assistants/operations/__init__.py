"""Every change of state, one module a noun. An operation checks, writes, and publishes the
event.

Reads are QuerySet methods of the models. Callers pass objects that they have fetched from their own
project.
"""
