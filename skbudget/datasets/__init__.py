"""Generators whose best score is known, a transformer that implants a contest, and real tables."""

from ._contested_top import bayes_contested_top_score, make_contested_top
from ._hard_bulk import make_hard_bulk
from ._hidden_positives import bayes_hidden_positives_score, make_hidden_positives
from ._loaders import fetch_creditcard_fraud, load_mammography
from ._milestones import make_milestones
from ._preparer import TablePreparer
from ._roles import draw_roles
from ._search_queries import bayes_search_queries_score, make_search_queries
from ._transformer import ContestedTopTransformer
from ._two_backgrounds import bayes_two_backgrounds_score, make_two_backgrounds

__all__ = [
    "ContestedTopTransformer",
    "TablePreparer",
    "bayes_contested_top_score",
    "bayes_hidden_positives_score",
    "bayes_search_queries_score",
    "bayes_two_backgrounds_score",
    "draw_roles",
    "fetch_creditcard_fraud",
    "load_mammography",
    "make_contested_top",
    "make_hard_bulk",
    "make_hidden_positives",
    "make_milestones",
    "make_search_queries",
    "make_two_backgrounds",
]
