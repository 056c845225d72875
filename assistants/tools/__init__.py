"""The tools a run may use, one package each. A tool knows nothing of runs: the engine calls it and
stores what it gave.
"""
