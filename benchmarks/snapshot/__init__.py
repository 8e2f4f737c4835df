"""Fingerprints of what skbudget computes, to show that a change of the code changed no number.

``write`` computes more than three thousand examples, from single gradients to trained models like
those of README.md. It stores the SHA-256 of the bytes of every array that they return. ``compare``
computes them again, and prints the examples whose bytes differ.

Usage
-----
::

    python -m benchmarks.snapshot write before.json
    python -m benchmarks.snapshot compare before.json
    python -m benchmarks.snapshot compare before.json --only objective/
    python -m benchmarks.snapshot compare before.json --list

Notes
-----
The command uses the ``skbudget`` of the folder that it is run in, and says which one that is. To
write the file with an older version, copy this folder into a checkout of that version. ``_names``
finds names that have changed since then.

The examples of each room of the package are in a file of their own, and ``ROOMS`` in ``_record``
lists these files. An example keeps its name, so that older files stay comparable.

Bytes agree on one machine with one set of installed libraries. A file stores the versions of the
libraries it was written with, and ``compare`` prints those that have changed. Everything runs on
one thread.

A file also stores the first nonzero values of each array and its sum, as hexadecimal floats.
``compare`` uses them to tell how large a difference is. If an example raises, the file stores
``"error: ..."`` and the others go on. Such an example counts as different, because it shows
nothing.

All optional dependencies are needed, and pandas: ``python -m pip install "skbudget[all]" pandas``.
"""
