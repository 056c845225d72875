"""The line to chat models: one shared client per provider, and a stream that tolerates what
real servers send.
"""
