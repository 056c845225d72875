"""The Python that opens an attached file: as a table, or as text."""

from assistants.engine.demo.conversation import AttachedFile

TABLE_READERS = {
    "tsv": "pd.read_csv({path}, sep='\\t')",
    "xlsx": "pd.read_excel({path})",
    "xls": "pd.read_excel({path})",
    "json": "pd.read_json({path})",
    "jsonl": "pd.read_json({path}, lines=True)",
    "parquet": "pd.read_parquet({path})",
}


def as_table(file: AttachedFile) -> str:
    """Lines that read the file into a DataFrame called `data`; they need `pd`."""
    path, comment = repr(file.path), _comment(file)
    if reader := TABLE_READERS.get(file.extension):
        return f"data = {reader.format(path=path)}{comment}"
    return _csv(file)


def as_untidy_table(file: AttachedFile) -> str:
    """The same for files that are not quite right: another encoding, broken lines."""
    return _csv(file, ", encoding='latin-1', on_bad_lines='skip', index_col=False")


def _csv(file: AttachedFile, options: str = "") -> str:
    return f"""\
data = pd.read_csv({file.path!r}{options}){_comment(file)}
if data.shape[1] == 1 and any(mark in str(data.columns[0]) for mark in ';|\\t'):
    # Not separated by commas: let pandas find out
    data = pd.read_csv({file.path!r}, sep=None, engine='python'{options})"""


def as_text(file: AttachedFile) -> str:
    """Lines that read the file into a string called `text`."""
    path, comment = repr(file.path), _comment(file)
    if file.extension == "pdf":
        return f"""\
from pypdf import PdfReader

text = '\\n'.join(page.extract_text() for page in PdfReader({path}).pages){comment}"""
    if file.extension == "docx":
        return f"""\
from docx import Document

text = '\\n'.join(paragraph.text for paragraph in Document({path}).paragraphs){comment}"""
    if file.extension == "pptx":
        return f"""\
from pptx import Presentation

slides = Presentation({path}).slides{comment}
shapes = [shape for slide in slides for shape in slide.shapes if shape.has_text_frame]
text = '\\n'.join(shape.text_frame.text for shape in shapes)"""
    return f"""\
with open({path}, encoding='utf-8', errors='replace') as file:{comment}
    text = file.read()"""


def _comment(file: AttachedFile) -> str:
    """The file's name, where it can stand in a comment."""
    return f"  # {file.name}" if file.name.isprintable() else ""
