import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.promises._promises import Scored, mean_fpr
from benchmarks.promises._tables import MammographyDraw, recall_tables, which_tables


@pytest.mark.parametrize("quick", [False, True], ids=["whole", "quick"])
def test_the_stand_ins_have_the_published_numbers(quick):
    tables = {table.name: table for table in recall_tables(quick)}
    divisor = 4 if quick else 1
    hard = tables["hard-bulk"].draw(0)
    assert (hard.y_train.sum(), (hard.y_train == 0).sum()) == (45, 4500)
    hidden = tables["hidden-positives"].draw(0)
    assert (hidden.y_train == 0).sum() == 100 * hidden.y_train.sum() == 20_000 // divisor
    mammography = tables["mammography"].draw(0)
    assert mammography.y_train.sum() == mammography.y_valid.sum() == 38
    assert mammography.y_test.sum() == 260 - 76
    if not quick:
        assert (mammography.y_train == 0).sum() == 170 * 38
    for draw in (hard, hidden):
        assert draw.y_test.mean() == 0.5
        assert draw.y_valid.sum() == draw.y_train.sum()


def test_no_row_of_a_split_is_in_two_parts():
    draw = MammographyDraw()(3)
    again = MammographyDraw()(3)
    np.testing.assert_array_equal(draw.X_test, again.X_test)
    assert not np.array_equal(draw.X_test, MammographyDraw()(4).X_test)
    sizes = [y.size for y in (draw.y_train, draw.y_valid, draw.y_test)]
    # 10 923 negatives, of which 6 553 could be trained on.
    assert sum(sizes) == 260 + 10_923 - (6553 - 38 * 170)


def test_seeds_and_parts_are_drawn_anew():
    table = recall_tables(quick=True)[1]
    first, second = table.draw(0), table.draw(1)
    drawn = [first.X_train, first.X_valid, first.X_test, second.X_train, second.X_valid]
    assert len({float(X[0, 0]) for X in drawn}) == len(drawn)


@pytest.mark.parametrize("make", [recall_tables, which_tables], ids=["recall", "which"])
def test_no_cheap_score_is_better_than_the_best(make):
    for table in make(quick=True):
        if not table.has_ceiling:
            continue
        draw = table.draw(0)
        best, easy = Scored(draw.y_test, draw.ceiling), Scored(draw.y_test, draw.X_test[:, 0])
        assert mean_fpr(best) < mean_fpr(easy)
        assert roc_auc_score(best.y, best.score) > roc_auc_score(easy.y, easy.score)
