"""WordPiece as BERT's uncased models use it (Devlin et al. 2019): text → ids of the vocabulary, longest piece first."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

# A longer word is unknown as a whole.
LONGEST = 100
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """Lower case without accents, split at spaces and punctuation, then into the longest pieces that are known."""

    def __init__(self, vocabulary: Path) -> None:
        tokens = vocabulary.read_text(encoding="utf-8").splitlines()
        self._ids = {token: index for index, token in enumerate(tokens)}
        self._unknown, self._begin, self._end = (self._ids[name] for name in ("[UNK]", "[CLS]", "[SEP]"))

    def ids(self, text: str, most: int) -> list[int]:
        """[CLS] pieces [SEP], at most `most` ids: what is too long loses its end."""
        pieces = [piece for word in words(text) for piece in self._pieces(word)]
        return [self._begin, *pieces[: most - 2], self._end]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > LONGEST:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    found.append(piece)
                    start = end
                    break
            else:
                return [self._unknown]
        return found


def words(text: str) -> Iterator[str]:
    """Basic tokens: a punctuation mark or an ideograph stands alone.

    >>> list(words("Zoë's I/O"))
    ['zoe', "'", 's', 'i', '/', 'o']
    """
    word = ""
    for character in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(character)
        alone = _punctuation(character, category) or any(a <= ord(character) <= b for a, b in _CJK)
        if category == "Mn" or (category.startswith("C") and character not in "\t\n\r"):
            continue
        if (alone or character.isspace()) and word:
            yield word
            word = ""
        if alone:
            yield character
        elif not character.isspace():
            word += character
    if word:
        yield word


def _punctuation(character: str, category: str) -> bool:
    """Everything in ASCII that is no letter, digit or space counts, `$` and `^` too."""
    return category.startswith("P") or (
        character.isascii() and not character.isalnum() and "!" <= character <= "~"
    )
