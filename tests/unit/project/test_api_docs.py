"""Every public name of the layers that people write code against says what it takes, what it gives, what it raises.

The code is read, not imported, by what reads it for the site: Griffe, with our comments beside fields.
"""

import ast
import re
from pathlib import Path

import griffe
import pytest

from tools.field_comments import FieldComments

PROJECT = Path(__file__).parents[3]
LAYERS = ("api", "study", "training", "data", "analysis")


def public() -> dict[str, griffe.Object]:
    """Each public name of those layers, with what it stands for."""
    root = griffe.load(
        "hpo",
        search_paths=[str(PROJECT)],
        extensions=griffe.load_extensions(FieldComments()),
        docstring_parser="google",
        docstring_options={"warnings": False},
    )
    found = {}
    for layer in LAYERS:
        face = ast.parse((PROJECT / "hpo" / layer / "__init__.py").read_text(encoding="utf-8"))
        homes = {
            one.name: node.module for node in ast.walk(face) if isinstance(node, ast.ImportFrom) for one in node.names
        }
        for name in map(str, root[layer].exports):
            thing = root[f"{homes[name]}.{name}".removeprefix("hpo.")]
            found[f"hpo.{layer}.{name}"] = thing.final_target if thing.is_alias else thing
    return found


PUBLIC = public()
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if thing.is_function}
CLASSES = {name: thing for name, thing in PUBLIC.items() if thing.is_class}
METHODS = {
    f"{name}.{method.name}": method
    for name, owner in CLASSES.items()
    for method in owner.functions.values()
    if not method.name.startswith("_") and not any("Layer" in str(base) for base in owner.bases)  # Keras's own methods
}


def text(thing: griffe.Object) -> str:
    return thing.docstring.value if thing.docstring else ""


def told(thing: griffe.Object, kind: griffe.DocstringSectionKind) -> set[str]:
    """The names in one section of a docstring: of the parameters, or of what is raised."""
    sections = thing.docstring.parsed if thing.docstring else []
    items = [item for section in sections if section.kind is kind for item in section.value]
    return {str(item.name if hasattr(item, "name") else item.annotation) for item in items}


def parameters(function: griffe.Function) -> set[str]:
    return {one.name for one in function.parameters} - {"self", "cls"}


def is_record(thing: griffe.Class) -> bool:
    return any("dataclass" in str(decorator.value) for decorator in thing.decorators)


def fields(record: griffe.Class) -> dict[str, griffe.Attribute]:
    there = record.attributes.values()
    return {one.name: one for one in there if "property" not in one.labels and not one.name.startswith("_")}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_docstring(name: str) -> None:
    assert text(PUBLIC[name]), f"{name} has no docstring, nor a comment beside it"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_documents_its_arguments(name: str) -> None:
    function = FUNCTIONS[name]
    assert told(function, griffe.DocstringSectionKind.parameters) == parameters(function)


@pytest.mark.parametrize("name", METHODS)
def test_every_public_method_documents_its_arguments(name: str) -> None:
    """In a section, in its sentence, or in the method of its base class."""
    method = METHODS[name]
    inherited = [base for base in method.parent.mro() if method.name in base.functions]
    texts = [text(method), *(text(base.functions[method.name]) for base in inherited)]
    assert texts[0], f"{name} has no docstring"
    sections = told(method, griffe.DocstringSectionKind.parameters)
    for parameter in parameters(method) - sections:
        assert any(f"`{parameter}`" in one or f"    {parameter}: " in one for one in texts), f"{name}: {parameter}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_that_checks_arguments_documents_what_it_raises(name: str) -> None:
    """`@arguments(UsageError)` raises that for an argument of the wrong type."""
    function = FUNCTIONS[name]
    for decorator in function.decorators:
        if error := re.fullmatch(r"arguments\((\w+)\)", str(decorator.value)):
            assert error[1] in told(function, griffe.DocstringSectionKind.raises)


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_class_documents_itself_or_all_its_fields(name: str) -> None:
    thing = CLASSES[name]
    if is_record(thing):
        nameless = [field for field, one in fields(thing).items() if not text(one)]
        assert nameless == [], "fields with neither a comment nor a docstring"
        assert told(thing, griffe.DocstringSectionKind.raises) or not fields(thing), "a record refuses what is wrong"
    else:
        sentences = re.findall(r"[.:](?:\s|$)", text(thing).split("\n\nArgs:")[0])
        constructor = thing.functions.get("__init__")
        taken = {one for one in parameters(constructor) if one != "kwargs"} if constructor else set()
        assert len(sentences) > 1
        assert taken <= told(thing, griffe.DocstringSectionKind.parameters)


def test_the_api_reference_has_every_public_name() -> None:
    shown = set()
    for page in (PROJECT / "docs" / "api").glob("*.md"):
        shown |= set(re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert shown >= set(PUBLIC)
