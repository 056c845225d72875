"""Small changes to the source of a plot: its style, colours, texts and ranges.

They work on any Matplotlib code, the demo's own or another model's. Code is parsed to find the
place of a change and never run here; code that does not parse is left as it is, or changed in a
coarser way.
"""

import ast
import re
from collections.abc import Callable, Iterator

Edit = Callable[[str], str]

DRAWING = {"plot", "bar", "barh", "scatter", "hist", "step", "stem", "fill_between", "semilogx"}
LONGEST_CODE = 20_000


def dark(code: str) -> str:
    """Light lines on a dark ground; the first line in cyan."""
    code = _with_style(code, "dark_background")
    code = colour("cyan")(code)
    return _retitled(code, lambda title: title if "Dark" in title else f"{title} in Dark Mode")


def light(code: str) -> str:
    """Back to dark lines on a light ground."""
    code = colour("tab:blue")(_with_style(code, "default"))
    return _retitled(code, lambda title: title.removesuffix(" in Dark Mode"))


def colour(name: str) -> Edit:
    """The colour of the first thing that is drawn."""

    def edit(code: str) -> str:
        drawn = next(_calls(code, DRAWING), None)
        if drawn is None:
            cycle = f"plt.rcParams['axes.prop_cycle'] = plt.cycler(color=[{name!r}])"
            return after_imports(code, cycle)
        return _with_keyword(code, drawn, "color", repr(name))

    return edit


def background(name: str) -> Edit:
    """The colour of the area behind the curves."""
    return lambda code: before_show(code, f"plt.gca().set_facecolor({name!r})")


def drawn_with(keyword: str, value: object) -> Edit:
    """A keyword for everything that is drawn as a line, such as `linewidth=3`."""

    def edit(code: str) -> str:
        for drawn in reversed(list(_calls(code, {"plot", "step"}))):
            code = _with_keyword(code, drawn, keyword, repr(value))
        return code

    return edit


def titled(title: str) -> Edit:
    return lambda code: _with_text(code, "title", title)


def labelled(axis: str, label: str) -> Edit:
    """The label of the "x" or "y" axis."""
    return lambda code: _with_text(code, f"{axis}label", label)


def grid(shown: bool) -> Edit:
    def edit(code: str) -> str:
        lines = re.sub(
            r"^[ \t]*(?:plt|ax)\.grid\(.*\)[ \t]*(?:#.*)?\n?", "", code, flags=re.MULTILINE
        )
        return before_show(lines, f"plt.grid({shown})")

    return edit


def sized(width: float, height: float) -> Edit:
    """The size of the figure in inches."""

    def edit(code: str) -> str:
        figure = next(_calls(code, {"figure", "subplots"}), None)
        if figure is not None:
            return _with_keyword(code, figure, "figsize", repr((width, height)))
        drawn = next(_calls(code, DRAWING), None)
        if drawn is None:
            return code
        lines = code.splitlines(keepends=True)
        lines.insert(drawn.lineno - 1, f"plt.figure(figsize={(width, height)})\n")
        return "".join(lines)

    return edit


def periods(count: int) -> Edit:
    """So many periods of 2 pi, where the code has an `np.linspace(a, b, n)`."""

    def edit(code: str) -> str:
        ranges = next(_calls(code, {"linspace"}), None)
        if ranges is None or len(ranges.args) < 2:
            return code
        old = _source(code, ranges.args[1]).replace("np.", "").replace(" ", "")
        code = _replaced(code, ranges.args[1], f"{2 * count} * np.pi")
        return re.sub(rf"(# .* to ){re.escape(old)}", rf"\g<1>{2 * count}*pi", code)

    return edit


WAVES = {"sin": "sine", "cos": "cosine", "tan": "tangent"}


def wave(function: str) -> Edit:
    """Another of the trigonometric functions in place of the one that is drawn."""

    def edit(code: str) -> str:
        for old, spoken in WAVES.items():
            if old != function:
                code = re.sub(rf"\b{old}\b(?=\()", function, code)
                for change in (str.lower, str.capitalize):
                    new = change(WAVES[function])
                    code = re.sub(rf"\b{change(spoken)}(?= ?wave|\b)", new, code)
        return code

    return edit


def with_wave(function: str) -> Edit:
    """One more curve over the same x."""

    def edit(code: str) -> str:
        drawn = next(_calls(code, {"plot"}), None)
        if drawn is None or not drawn.args:
            return code
        x = _source(code, drawn.args[0])
        first = re.search(r"np\.(sin|cos|tan)\(", code)
        if first:
            code = _with_keyword(code, drawn, "label", repr(f"{first[1]}({x})"))
        extra = f"plt.plot({x}, np.{function}({x}), label={f'{function}({x})'!r})\nplt.legend()"
        code = re.sub(r"^plt\.legend\(\)\n", "", code, flags=re.MULTILINE)
        return before_show(code, extra)

    return edit


def saved_as(path: str) -> Edit:
    """Written to a file as well as shown."""
    return lambda code: before_show(code, f"plt.savefig({path!r}, dpi=150, bbox_inches='tight')")


def unsaved(code: str) -> str:
    """Without the lines that write the figure to a file."""
    return re.sub(r"^(?:plt|fig)\.savefig\(.*\)\n?", "", code, flags=re.MULTILINE)


def before_show(code: str, line: str) -> str:
    """A line put before the figure is shown, or at the end of code that does not show it."""
    shown = list(re.finditer(r"^plt\.show\(\)", code, flags=re.MULTILINE))
    if not shown:
        return f"{code.rstrip()}\n{line}\n"
    at = shown[-1].start()
    return f"{code[:at]}{line}\n{code[at:]}"


def after_imports(code: str, line: str) -> str:
    """A line put where all modules are known."""
    imports = list(re.finditer(r"^(?:import|from) .*\n?", code, flags=re.MULTILINE))
    at = imports[-1].end() if imports else 0
    return f"{code[:at]}\n{line}\n{code[at:]}" if at else f"{line}\n{code}"


def _with_style(code: str, style: str) -> str:
    code = re.sub(
        r"^(?:# Light on dark\n)?plt\.style\.use\(.*\)\n\n?", "", code, flags=re.MULTILINE
    )
    return after_imports(re.sub(r"\n{3,}", "\n\n", code), f"plt.style.use({style!r})")


def _retitled(code: str, change: Callable[[str], str]) -> str:
    """The title that is there, changed; none is added."""
    call = next(_calls(code, {"title", "set_title"}), None)
    text = call.args[0] if call and call.args else None
    if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
        return code
    return _replaced(code, text, repr(change(text.value)))


def _with_text(code: str, name: str, text: str) -> str:
    """The text of `plt.title`, `plt.xlabel` and so on, replaced or added."""
    call = next(_calls(code, {name, f"set_{name}"}), None)
    if call and call.args:
        return _replaced(code, call.args[0], repr(text))
    return before_show(code, f"plt.{name}({text!r})")


def _with_keyword(code: str, call: ast.Call, keyword: str, value: str) -> str:
    """The source with one keyword of a call set."""
    for given in call.keywords:
        if given.arg in {keyword, keyword[0]}:
            return _replaced(code, given.value, value)
    _, end = _span(code, call)
    before = code.encode()[: end - 1].decode().rstrip()
    after = code.encode()[end - 1 :].decode()
    comma = "" if before.endswith(("(", ",")) else ","
    space = "" if before.endswith("(") else " "
    return f"{before}{comma}{space}{keyword}={value}{after}"


def _calls(code: str, names: set[str]) -> Iterator[ast.Call]:
    """Calls of methods with these names, as they stand in the source."""
    if len(code) > LONGEST_CODE:
        return
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
    ]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def _span(code: str, node: ast.expr) -> tuple[int, int]:
    """Where a node begins and ends, in bytes of UTF-8, as the parser counts."""
    lines = code.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    last_line = node.end_lineno or node.lineno
    end = node.end_col_offset or 0
    return starts[node.lineno - 1] + node.col_offset, starts[last_line - 1] + end


def _source(code: str, node: ast.expr) -> str:
    start, end = _span(code, node)
    return code.encode()[start:end].decode()


def _replaced(code: str, node: ast.expr, new: str) -> str:
    start, end = _span(code, node)
    source = code.encode()
    return f"{source[:start].decode()}{new}{source[end:].decode()}"
