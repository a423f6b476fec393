"""What `help(hpo)` shows somebody who has just imported it."""

import pydoc

import hpo


def test_help_of_the_package_lists_its_public_names_only() -> None:
    text = pydoc.plain(pydoc.render_doc(hpo))
    assert text.splitlines()[3].startswith("    hpo - Hyperparameter optimization")
    for name in hpo.__all__:
        assert f"\n    {name}(" in text or f"\n    class {name}(" in text, name
    for inside in ("__getattr__", "_HOMES", "numpy._typing", "object at 0x"):
        assert inside not in text


def test_completion_offers_the_public_names() -> None:
    assert dir(hpo) == sorted(hpo.__all__)
