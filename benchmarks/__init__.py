"""What is measured about the package, and is not part of it.

The study with tuned peers (`benchmarks.study`), what the objective costs
(`benchmarks.speed`), the published tables anew (`benchmarks.reproduction`), and fingerprints of
what the package computes (`benchmarks.snapshot`). They are in the repository and in the source
distribution, and not in the wheel.
"""
