"""Experiments with skbudget: the study, the speed measurements and the reproduction.

`benchmarks.study` compares the estimators with tuned peers, `benchmarks.speed` measures
what the objective costs, `benchmarks.reproduction` trains the published networks again,
`benchmarks.significance` trains lines on the significance loss, `benchmarks.ltr` compares
rankings of search queries, and `benchmarks.snapshot` takes fingerprints of what the package
computes. They are in the source repository and in the source
distribution, and not in the wheel.
"""
