"""The event log: what happens in a thread, in the API's own events, for every reader at once.

``log`` writes and reads it, ``hub`` follows it for many readers over one connection, ``fold`` turns
events back into objects, ``control`` carries wishes (cancel) to whichever worker holds a run.
"""
