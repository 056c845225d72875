"""Executing one run: the loop, the context, the chat models."""
