"""What a training says, without secrets, and without the folders of the machine and the person that it ran for."""

from collections.abc import Iterable
from pathlib import Path


class Veil:
    """Reports of a job are kept for ever and read by others; where a file lay on a worker is not their business."""

    def __init__(self, data: Path, secrets: Iterable[str] = ()) -> None:
        names = {folder: "[data]" for folder in (data.absolute(), data.resolve())}
        names |= {folder: "~" for folder in (Path.home(), Path.home().resolve())}
        words = {str(folder): word for folder, word in names.items() if len(folder.parts) > 1}
        words |= dict.fromkeys(secrets, "[hidden]")
        self._words = sorted(words.items(), key=lambda pair: -len(pair[0]))

    def __call__(self, text: str) -> str:
        for word, instead in self._words:
            text = text.replace(word, instead)
        return text
