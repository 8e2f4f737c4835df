"""What is promised, and which loss keeps it: measurements behind the pages of the losses.

``python -m benchmarks.promises recall`` measures the false positive rate at a floor on recall for
eight cross-entropies, alone and with what may be added to them. ``which`` compares every method
of the package by four promises: a budget, a floor on recall, a balanced error, a significance.
"""
