"""The catalogue of losses, measured: what each covers at a budget, and what makes LambdaRank good.

``python -m benchmarks.catalogue losses`` trains every loss of two labels, beside tuned peers.
``lambda`` takes LambdaRank apart: queries, truncation, normalisation, and the pairs that count.
"""
