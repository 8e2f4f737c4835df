"""Workers in threads that add up arrays, as those of a booster do."""

import threading

import numpy as np


class Threads:
    """As many workers as there are parts; `run` calls a function on each of them."""

    def __init__(self, size):
        self.size = size
        self.messages = [[] for _ in range(size)]
        self._barrier = threading.Barrier(size)
        self._parts = [None] * size

    def run(self, function, parts):
        results, errors = [None] * self.size, []

        def work(rank):
            try:
                results[rank] = function(_Worker(self, rank), *parts[rank])
            except threading.BrokenBarrierError:
                pass
            except Exception as error:
                errors.append(error)
                self._barrier.abort()

        threads = [threading.Thread(target=work, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if errors:
            raise errors[0]
        return results

    def exchange(self, rank, values, reduce):
        assert values.dtype == np.float64
        self.messages[rank].append(values.size)
        self._parts[rank] = values
        self._barrier.wait(5)
        assert len({part.shape for part in self._parts}) == 1
        result = reduce(self._parts)
        self._barrier.wait(5)
        return result


class _Worker:
    def __init__(self, threads, rank):
        self._threads, self.rank, self.size = threads, rank, threads.size

    def sum(self, values):
        return self._threads.exchange(self.rank, values, lambda parts: np.sum(parts, axis=0))

    def max(self, values):
        return self._threads.exchange(self.rank, values, lambda parts: np.max(parts, axis=0))


def split(rng, size, *arrays):
    """Return uneven parts of the rows, one of which may be empty, for each worker."""
    owner = rng.integers(size, size=len(arrays[0]))
    owner[owner == size - 1] = rng.choice([0, size - 1])
    return [
        tuple(None if array is None else array[owner == rank] for array in arrays)
        for rank in range(size)
    ]


def join(parts, owner_parts):
    """Put the parts' rows back into one array, by their row numbers."""
    rows = np.concatenate(owner_parts)
    whole = np.empty(rows.size, dtype=parts[0].dtype)
    whole[rows] = np.concatenate(parts)
    return whole
