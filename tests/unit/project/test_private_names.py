"""Names that Keras and TensorFlow do not document stand in one module, which a contract test watches."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ADAPTER = ROOT / "hpo/training/keras_internals.py"
OF_TUPLES = ("_asdict", "_fields", "_replace")  # what Python documents of a NamedTuple
PRIVATE_PACKAGES = ("keras.src", "tensorflow.python", "tensorflow.core")


def leaning(file: Path) -> list[str]:
    """What of others' private names a file uses: imports of inner packages, and attributes with an underscore."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith(PRIVATE_PACKAGES)]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PRIVATE_PACKAGES):
            found.append(node.module or "")
        elif isinstance(node, ast.Attribute) and private(node):
            found.append(f"{ast.unparse(node)}, line {node.lineno}")
    return found


def private(node: ast.Attribute) -> bool:
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    ours = own or node.attr in OF_TUPLES
    return node.attr.startswith("_") and not node.attr.startswith("__") and not ours


@pytest.mark.parametrize("folder", ["hpo/training", "hpo/data", "studies"])
def test_training_code_uses_private_keras_names_only_in_the_adapter(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*.py") if file != ADAPTER]
    assert files
    assert {str(file.relative_to(ROOT)): found for file in files if (found := leaning(file))} == {}


def test_the_adapter_uses_private_keras_names() -> None:
    assert leaning(ADAPTER)
