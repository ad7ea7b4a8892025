"""Modules and functions are small enough to be read at once; whoever would break this finds a second room in them."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.test_layers import PACKAGES, ROOT

MODULES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MEDIAN = 300, 30, 60
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each with the lines of its body, without what it says of itself."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1


def lines_of_code(text: str) -> int:
    """Without imports, comments, blank lines, and words about the code."""
    silent = {line for node in ast.walk(ast.parse(text)) if is_silent(node) for line in lines(node)}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    said = {line for token in tokens if token.type not in LAYOUT for line in range(token.start[0], token.end[0] + 1)}
    return len(said - silent)


def is_silent(node: ast.AST) -> bool:
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return words or isinstance(node, ast.Import | ast.ImportFrom)


def lines(node: ast.AST) -> range:
    assert isinstance(node, ast.stmt)
    return range(node.lineno, (node.end_lineno or 0) + 1)


def test_a_module_has_at_most_300_lines_and_a_function_30() -> None:
    assert [file for file in MODULES if len(file.read_text().splitlines()) > MOST_LINES] == []
    assert [
        (file, name) for file in MODULES for name, length in functions(file) if length > MOST_LINES_OF_A_FUNCTION
    ] == []


def test_half_of_all_modules_have_less_than_60_lines_of_code() -> None:
    assert median(lines_of_code(file.read_text()) for file in MODULES) < MEDIAN


def test_lines_of_code_are_counted_without_what_is_said_about_them() -> None:
    text = '"""Words."""\nimport os\n\n# why\nx = """a\nb"""\n\n\ndef f() -> int:\n    """Words."""\n    return 1\n'
    assert lines_of_code(text) == 4
