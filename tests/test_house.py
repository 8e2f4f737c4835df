"""The shape of the package: imports point one way, and no module is too long to read."""

import ast
from pathlib import Path

import pytest

import skbudget

ROOT = Path(skbudget.__file__).parent
LONGEST = 600
REASON = "Long because"


def find_modules(root):
    """Return the parsed source of every module of a package by its full name."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = (ast.parse(path.read_text(encoding="utf-8")), path)
    return modules


def imported_modules(name, tree, path, modules):
    """Return the modules of the package that one of them imports, at any level of its code.

    Statements inside functions and under ``TYPE_CHECKING`` count. The parent packages, which
    Python imports on the way, do not.
    """
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                # The name is a module of its own, or something that the source defines.
                module = f"{source}.{alias.name}"
                found.add(module if module in modules else source)
    return found & set(modules)


def import_graph(root):
    """Return which modules of a package each of its modules imports."""
    modules = find_modules(root)
    return {
        name: imported_modules(name, tree, path, modules) for name, (tree, path) in modules.items()
    }


def reachable(graph, start):
    """Return the modules that one of them imports, directly or through others."""
    found, waiting = set(), [start]
    while waiting:
        for name in graph[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def find_circles(graph):
    """Return the sets of modules that import each other, each as a sorted list."""
    reached = {name: reachable(graph, name) for name in graph}
    circles = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return [list(circle) for circle in sorted(circles)]


def find_long_modules(root):
    """Return the length of each module that is too long and does not say why."""
    found = {}
    for name, (tree, path) in find_modules(root).items():
        n_lines = len(path.read_text(encoding="utf-8").splitlines())
        lines = (ast.get_docstring(tree) or "").splitlines()
        if n_lines > LONGEST and not any(line.startswith(REASON) for line in lines):
            found[name] = n_lines
    return found


def test_no_modules_import_each_other():
    assert find_circles(import_graph(ROOT)) == []


def test_no_module_is_long_without_a_reason():
    assert find_long_modules(ROOT) == {}


# --- the finders themselves ------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """Write a package of the given sources, by file, and return its folder."""

    def build(sources):
        root = tmp_path / "house"
        for name, source in {"__init__.py": "", **sources}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source, encoding="utf-8")
        return root

    return build


@pytest.mark.parametrize(
    "back",
    [
        "from .one import a",
        "from . import one",
        "import house.one",
        "from house.one import a",
        "from house import one",
        "def late():\n    from .one import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .one import a",
        "try:\n    from .one import a\nexcept ImportError:\n    pass",
    ],
)
def test_a_circle_is_found_wherever_its_imports_stand(house, back):
    root = house({"one.py": "from .two import b\na = 1", "two.py": f"b = 1\n{back}"})
    assert find_circles(import_graph(root)) == [["house.one", "house.two"]]


def test_a_circle_through_a_package_is_found_and_one_way_is_none(house):
    sources = {
        "room/__init__.py": "from ._wall import a",
        "room/_wall.py": "a = 1",
        "two.py": "from .room import a",
        "three.py": "from .two import a\nimport json",
    }
    assert find_circles(import_graph(house(sources))) == []
    sources["room/_wall.py"] = "from ..three import a"
    circle = ["house.room", "house.room._wall", "house.three", "house.two"]
    assert find_circles(import_graph(house(sources))) == [circle]


def test_lazy_names_are_no_imports(house):
    root = house({"__init__.py": 'names = {"a": ".one"}', "one.py": "from . import names\na = 1"})
    assert find_circles(import_graph(root)) == []


def test_a_module_that_imports_itself_is_a_circle(house):
    root = house({"one.py": "from .one import a"})
    assert find_circles(import_graph(root)) == [["house.one"]]


def test_a_long_module_needs_a_reason(house):
    lines = "\n" * LONGEST
    reason = f'"""One.\n\nLong because of its tables.\n"""{lines}a = 1'
    assert find_long_modules(house({"one.py": reason})) == {}
    plain = f'"""One, Long because it can."""{lines}a = 1'
    assert find_long_modules(house({"one.py": plain})) == {"house.one": LONGEST + 1}
    assert find_long_modules(house({"one.py": plain.removesuffix("a = 1")})) == {}
