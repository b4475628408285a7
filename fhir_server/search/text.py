r"""The escapes of search values: `\,` `\|` `\$` `\\`. https://hl7.org/fhir/R4/search.html#escaping."""


def split_escaped(text: str, separator: str) -> list[str]:
    """`text` cut at every `separator` that no backslash escapes; the escapes stay in the parts."""
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    if "\\" not in text:
        return text
    characters, position = [], 0
    while position < len(text):
        if text[position] == "\\" and text[position + 1 : position + 2] in (",", "|", "$", "\\"):
            position += 1
        characters.append(text[position])
        position += 1
    return "".join(characters)
