"""The house's rules about itself: who may import whom, and how large it may grow."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.conftest import CODE, DOMAINS, ROOT

PACKAGES = {"common", "scripts", *(code.split(".")[0] for code in CODE.values())}
ORDER = ("program", "optim", "module", "domain", "experiment")


def imports(path: Path) -> set[str]:
    """Absolute names of what a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_imports_go_one_way(package: str) -> None:
    allowed = {"common": {"common"}, "scripts": {"common", "scripts"}}.get(package, {"common", package})
    for path in (ROOT / package).rglob("*.py"):
        ours = roots(path) & PACKAGES
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {ours - allowed}"
        if package != "scripts":
            assert "hydra" not in roots(path), f"{path.relative_to(ROOT)} imports hydra"


def test_inside_common_imports_go_one_way() -> None:
    for position, name in enumerate(ORDER):
        later = {f"common.{other}" for other in ORDER[position:]}
        imported = {".".join(i.split(".")[:2]) for i in imports(ROOT / "common" / f"{name}.py")}
        assert not imported & later, f"common/{name}.py imports {imported & later}"


@pytest.mark.parametrize("domain", DOMAINS)
def test_only_the_bench_knows_peers(domain: str) -> None:
    for path in ROOT.glob("**/*.py"):
        if ".venv" not in path.parts and path.name != "peers.py" and "tests" not in path.parts:
            assert not any(name.startswith(f"{CODE[domain]}.peers") for name in imports(path)), path


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_is_its_folder_its_yaml_and_its_test(domain: str) -> None:
    for file in ("data.py", "net.py", "module.py", "baseline.py", "evaluate.py", "README.md"):
        assert ROOT.joinpath(*CODE[domain].split("."), file).is_file(), f"{domain}: {file}"
    assert (ROOT / "tests" / f"test_{domain}.py").is_file()
    for path in (*(ROOT / "common").iterdir(), *(ROOT / "scripts").iterdir()):
        if path.is_file():
            assert f"{CODE[domain]}." not in path.read_text().replace(f"{domain}.yaml", ""), f"{path} knows {domain}"


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_packages_import_from_this_repository(package: str) -> None:
    """The registry has packages called control, vision, speech and common."""
    assert Path(importlib.import_module(package).__file__ or "").is_relative_to(ROOT)


def code_lines(path: Path) -> int:
    """Without blank lines, comments and docstrings."""
    text = path.read_text()
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    numbered = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and line.strip()[0] != "#" and n not in documented for n, line in numbered)


def test_common_stays_small() -> None:
    for folder, most in (("common", 1673), ("common/evidence", 520)):
        lines = {path.name: code_lines(path) for path in (ROOT / folder).glob("*.py")}
        assert sum(lines.values()) <= most, lines
        assert max(lines.values()) <= 200, lines
