"""Slow references for the losses of lists, straight from their definitions."""

from __future__ import annotations

import itertools

import numpy as np


def sigma(x):
    return 1.0 / (1.0 + np.exp(-x))


def lists_with_order(y, group):
    """The rows of each list in which grades differ."""
    group = np.zeros(len(y)) if group is None else np.asarray(group)
    lists = [np.flatnonzero(group == one) for one in np.unique(group)]
    return [rows for rows in lists if len(set(np.asarray(y)[rows])) > 1]


def softmax_loss(y, s, group=None, temperature=1.0):
    y, s = np.asarray(y, float), np.asarray(s, float) / temperature
    total = mass = 0.0
    for rows in lists_with_order(y, group):
        p = np.exp(s[rows]) / np.exp(s[rows]).sum()
        total -= (y[rows] * np.log(p)).sum()
        mass += y[rows].sum()
    return total / mass


def ndcg(gain, ranks):
    """NDCG of rows with gains at any ranks, real numbers from 1 on."""
    ideal = (np.sort(gain)[::-1] / np.log2(np.arange(len(gain)) + 2)).sum()
    return (gain / np.log2(1 + np.asarray(ranks))).sum() / ideal


def approx_ndcg_loss(y, s, group=None, temperature=1.0, linear=False):
    y, s = np.asarray(y, float), np.asarray(s, float)
    losses = []
    for rows in lists_with_order(y, group):
        gain = y[rows] if linear else 2 ** y[rows] - 1
        ranks = [1 + sum(sigma((s[j] - s[i]) / temperature) for j in rows if j != i) for i in rows]
        losses.append(1 - ndcg(gain, ranks))
    return np.mean(losses)


def pair_loss(of_pair, y, s, group=None, of_tie=None):
    """Mean loss of the pairs of each list, the mean over the lists by what is preferred."""
    y, s = np.asarray(y, float), np.asarray(s, float)
    group = np.zeros(y.size) if group is None else np.asarray(group)
    losses, counts = [], []
    for one in np.unique(group):
        rows = np.flatnonzero(group == one)
        pairs = []
        for i, j in itertools.permutations(rows, 2):
            if y[i] > y[j]:
                pairs.append(of_pair(s[i] - s[j]))
            elif y[i] == y[j] and i < j and of_tie is not None:
                pairs.append(of_tie(s[i] - s[j]))
        if pairs:
            losses.append(np.mean(pairs))
            preferred = (y[rows] > y[rows].min()).sum()
            counts.append(rows.size if of_tie is not None else preferred)
    return np.average(losses, weights=counts)


def lambda_gradient(y, s, k=None):
    """LambdaRank's gradient of one list without ties, each swap being carried out."""
    y, s = np.asarray(y, float), np.asarray(s, float)
    ranks = np.argsort(np.argsort(-s)) + 1.0

    def dcg(of_rows):
        return ((2**y - 1) / np.log2(1 + of_rows))[of_rows <= (k or len(y))].sum()

    ideal = dcg(np.argsort(np.argsort(-y, kind="stable"), kind="stable") + 1.0)
    gradient, hessian = np.zeros(y.size), np.zeros(y.size)
    for i, j in itertools.permutations(range(y.size), 2):
        if y[i] > y[j]:
            swapped = ranks.copy()
            swapped[[i, j]] = ranks[[j, i]]
            change = abs(dcg(swapped) - dcg(ranks)) / ideal
            slope = change * sigma(s[j] - s[i])
            gradient[i] -= slope
            gradient[j] += slope
            hessian[[i, j]] += slope * sigma(s[i] - s[j])
    return gradient, hessian


def draw_list(seed, n=7, levels=4, n_lists=1):
    """Grades with an order, scores, and numbers of lists that are not contiguous."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, levels, n).astype(float)
    y[:2] = 0, levels - 1
    group = np.arange(n) * 3 % n_lists
    return y, rng.normal(size=n), group if n_lists > 1 else None


def on_group(group):
    return {} if group is None else {"group": group}
