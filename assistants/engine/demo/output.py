"""What a piece of code gave: the text of a code interpreter's answer, taken apart."""

import re
from dataclasses import dataclass

IMAGE_LINE = re.compile(r"^\[image shown to the user: (.*)\]$")
FILE_LINE = re.compile(r"^\[file saved: (/mnt/data/.*)\]$")
NOTHING = "(no output)"
TROUBLE_LINE = re.compile(
    r"^(?:The code was stopped after|The Python session ended|The code interpreter)\b.*"
)
"""What the code interpreter itself says when it could not go on."""
ERROR_LINE = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*")


@dataclass(frozen=True, slots=True)
class Output:
    """Standard output and errors, figures and files of one code call."""

    printed: str = ""
    images: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Paths below /mnt/data."""

    @classmethod
    def read(cls, answer: str) -> "Output":
        printed: list[str] = []
        images: list[str] = []
        files: list[str] = []
        for line in answer.splitlines():
            if image := IMAGE_LINE.match(line):
                images.append(image[1])
            elif file := FILE_LINE.match(line):
                files.append(file[1])
            elif line != NOTHING:
                printed.append(line)
        return cls("\n".join(printed).strip("\n"), tuple(images), tuple(files))

    @property
    def trouble(self) -> str | None:
        """Why the code was not run, or not to its end, whatever it does."""
        lines = (line.strip() for line in self.printed.splitlines())
        return next((line for line in lines if TROUBLE_LINE.match(line)), None)

    @property
    def error(self) -> str | None:
        """The last line of a traceback, such as `KeyError: 'price'`; None when all went well."""
        lines = [line.strip() for line in self.printed.splitlines() if line.strip()]
        if "Traceback (most recent call last)" in self.printed:
            errors = [line for line in lines if ERROR_LINE.match(line) and "Traceback" not in line]
            return errors[-1] if errors else lines[-1]
        # A syntax error has no traceback: its line stands last.
        return lines[-1] if lines and ERROR_LINE.match(lines[-1]) else None

    @property
    def failed(self) -> bool:
        return self.error is not None or self.trouble is not None

    def value(self, label: str) -> str | None:
        """What was printed after `label:`."""
        start = f"{label}:"
        for line in self.printed.splitlines():
            if line.startswith(start):
                return line.removeprefix(start).strip()
        return None

    def tables(self) -> list[str]:
        """The Markdown tables that were printed, in order."""
        blocks = re.findall(r"(?:^\|.*\|[ ]*$\n?)+", self.printed, flags=re.MULTILINE)
        return [block.strip() for block in blocks]
