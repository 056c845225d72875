"""The benchmarks: how fast the product is, beside its targets and beside the direct way.

``make bench`` runs all of them, ``make bench ARGS="first_token"`` some. docs/performance.md says
what each one measures and what came out.
"""
