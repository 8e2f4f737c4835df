"""What a limit of alerts for each customer costs, and what it brings.

    python docs/examples/group_limits.py            # ten seeds, a few seconds each

Customers have transactions, and some customers are attacked: then a part of their transactions
are fraud, and all of these look alike to the model. A budget of 0.5 % of the transactions is spent
from the top, with at most m alerts for each customer. The table shows the share of the fraudulent
transactions and of the attacked customers that the alerts reach.
"""

import argparse

import numpy as np

from skbudget._utils.statistics import t_interval
from skbudget.model_selection import top_rows

N_CUSTOMERS, ATTACKED, BUDGET = 20_000, 0.01, 0.005
LIMITS = (None, 10, 5, 3, 2, 1)


def draw(rng):
    """Return labels, scores and customers."""
    n_rows = rng.geometric(1 / 12, N_CUSTOMERS)
    customer = np.repeat(np.arange(N_CUSTOMERS), n_rows)
    attacked = rng.random(N_CUSTOMERS) < ATTACKED
    y = attacked[customer] & (rng.random(customer.size) < 0.4)
    # A part of what a model sees is the customer's, whether there was an attack or not.
    usual = rng.normal(size=N_CUSTOMERS)
    visible = rng.normal(2.0, 1.0, N_CUSTOMERS)
    score = usual[customer] + rng.normal(size=customer.size) + visible[customer] * y
    return y, score, customer


def measure(seed):
    """Return, for each limit, coverage of rows and of customers and the customers alerted."""
    y, score, customer = draw(np.random.default_rng(seed))
    capacity = int(np.ceil(BUDGET * y.size))
    victims = np.unique(customer[y])
    found = []
    for limit in LIMITS:
        group = None if limit is None else customer
        rows = top_rows(score, capacity=capacity, group=group, max_per_group=limit)
        caught = np.unique(customer[rows[y[rows]]]).size / victims.size
        found.append((y[rows].sum() / y.sum(), caught, np.unique(customer[rows]).size / capacity))
    return found


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(parser.parse_args().seeds)
    found = np.array([measure(seed) for seed in seeds])
    print("| alerts per customer, at most | fraud caught | attacked customers reached "
          "| customers per alert | cost in fraud caught |")  # fmt: skip
    print("|---|---|---|---|---|")
    for number, limit in enumerate(LIMITS):
        rows, customers, spread = (t_interval(found[:, number, part]) for part in range(3))
        cost = t_interval(found[:, number, 0] - found[:, 0, 0])
        shown = "-" if limit is None else f"{cost.mean:+.3f} ± {cost.half_width:.3f}"
        print(
            f"| {limit or 'no limit'} | {rows.mean:.3f} ± {rows.half_width:.3f} "
            f"| {customers.mean:.3f} ± {customers.half_width:.3f} | {spread.mean:.2f} | {shown} |"
        )


if __name__ == "__main__":
    main()
