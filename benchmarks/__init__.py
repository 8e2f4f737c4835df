"""Experiments with skbudget: the study, the speed measurements and the reproduction.

`benchmarks.study` compares the estimators with tuned peers, `benchmarks.speed` measures
what the objective costs, and `benchmarks.reproduction` trains the published networks again.
The three are in the source repository and in the source distribution, and not in the wheel.
"""
