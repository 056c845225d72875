"""Model text, code and output as safe HTML: the only place that makes HTML out of what a model
wrote.
"""
