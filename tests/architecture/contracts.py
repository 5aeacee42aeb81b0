"""Two kinds of import rule which import-linter does not have.

Both are about libraries, and both hold for modules that do not exist yet: a rule is
written before the code it binds, and a new adapter is bound without being listed.
"""

import sys
from typing import cast

import grimp
from importlinter import Contract, ContractCheck, fields, output


class SoleImporter(Contract):
    """Some libraries are known to one module (and what is inside it) and to nothing else."""

    libraries = fields.ListField(subfield=fields.StringField())
    importer = fields.StringField()

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        wrong = [
            f"{module} imports {library}"
            for library in _names(self.libraries)
            if library in graph.modules
            for module in sorted(graph.find_modules_that_directly_import(library))
            if not _inside(module, str(self.importer))
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["wrong"]:
            output.print_error(f"{line}: only {self.importer} may")


class OnlyLibraries(Contract):
    """Some modules may import the standard library, the libraries named, and no other."""

    modules = fields.ListField(subfield=fields.StringField())
    libraries = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        libraries = _names(self.libraries)
        ours = {name for name in graph.modules if not graph.is_module_squashed(name)}
        wrong = [
            f"{module} imports {imported}"
            for module in sorted(ours)
            if any(_inside(module, bound) for bound in _names(self.modules))
            for imported in sorted(graph.find_modules_directly_imported_by(module))
            if imported not in ours
            and imported not in libraries
            and imported not in sys.stdlib_module_names
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        allowed = ", ".join(["the standard library", *_names(self.libraries)])
        for line in check.metadata["wrong"]:
            output.print_error(f"{line}: it may import {allowed}")


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _names(field: object) -> list[str]:
    """The value behind a field, which the framework puts in the declaration's place."""
    return cast("list[str]", field)
