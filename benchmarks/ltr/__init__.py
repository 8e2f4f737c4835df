"""Methods side by side on queries with graded rows, and what the first page of each shows.

``python -m benchmarks.ltr`` trains boosters on tables of
`skbudget.datasets.make_search_queries`: pointwise losses, the rankers of LightGBM, XGBoost and
CatBoost, and the losses of this package. The learning rate, the leaves and the rounds of each
are chosen on validation queries. NDCG@10 and coverage of the first page come with intervals
over test queries. The results are a CSV file that a later run continues.
"""

from ._command import main

__all__ = ["main"]
