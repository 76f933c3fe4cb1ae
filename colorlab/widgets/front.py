"""The front of a widget: scripts joined into one module, styles, images as JPEG."""

import io
import re
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]*)";$', re.M)
EXPORT = re.compile(r"^export ((?:async )?(?:const|class|function)\*? (\w+))", re.M)
DEFAULT = re.compile(r"^export default .*;\n", re.M)
COMMENT = re.compile(r"^ *(?://.*|/\*\*(?:(?!\*/)[\s\S])*\*/)\n", re.M)


def bundle(entry: Path) -> str:
    """Join a JavaScript module and all that it imports into one ES module.

    Each imported module becomes a function's scope, so that names never meet; its
    default is left out. The entry keeps its own exports. Without any, the result is a
    plain script as well, the only kind that a page opened from a folder may load.

    Parameters
    ----------
    entry : Path
        A module whose imports and exports are those that Biome formats: named, by a
        relative path, at the start of a line.

    Returns
    -------
    str
        The source of one module that imports nothing, without comment lines.

    Raises
    ------
    ValueError
        If a module imports or exports in another way.

    Examples
    --------
    >>> text = bundle(HERE / "turingreport.js")
    >>> "export function rateInterval" in text, "import" in text
    (True, False)
    """
    scopes: dict[Path, str] = {}  # what is imported comes before what imports it

    def read(path: Path) -> str:
        text = COMMENT.sub("", path.read_text(encoding="utf-8"))
        text = IMPORT.sub(lambda found: bind(path.parent / found[2], found[1]), text)
        if odd := re.search(r"^(import\b|export [{*]).*", text, re.M):
            raise ValueError(
                f"{path.name} must import and export by name, got {odd[0]}"
            )
        return text

    def bind(path: Path, names: str) -> str:
        path = path.resolve()
        if path not in scopes:
            text = read(path)
            names_out = ", ".join(name for _, name in EXPORT.findall(text))
            body = DEFAULT.sub("", EXPORT.sub(r"\1", text))
            scopes[path] = f"(() => {{\n{body}return {{ {names_out} }};\n}})();\n"
        return f"const {names} = ${path.stem};"

    text = read(entry)
    parts = [f"const ${path.stem} = {scope}" for path, scope in scopes.items()]
    return "".join([*parts, text])


def front(name: str) -> tuple[str, str]:
    """Return a widget's script and styles, for anywidget's `_esm` and `_css`.

    Parameters
    ----------
    name : str
        Of the widget's own `.js` and `.css`; the panel's styles come first.

    Returns
    -------
    tuple of str
        A module and a style sheet.

    Examples
    --------
    >>> script, styles = front("curtain")
    >>> "export default { render };" in script, ".curtain .rail" in styles
    (True, True)
    """
    styles = [HERE / f"{part}.css" for part in ("page", name)]
    css = "".join(path.read_text(encoding="utf-8") for path in styles)
    return bundle(HERE / f"{name}.js"), css


def to_jpeg(image: Image.Image, quality: int, progressive: bool = False) -> bytes:
    """Return an image as the bytes of a JPEG file.

    Parameters
    ----------
    image : PIL.Image.Image
        Gray ("L") stays gray; any other mode becomes RGB.
    quality : int
        Of the JPEG, 1..95.
    progressive : bool
        Smaller by a tenth where the image is large.

    Returns
    -------
    bytes
        The file.

    Examples
    --------
    >>> to_jpeg(Image.new("L", (8, 8)), 80)[:3].hex()
    'ffd8ff'
    """
    file = io.BytesIO()
    image = image if image.mode == "L" else image.convert("RGB")
    image.save(file, "jpeg", quality=quality, optimize=True, progressive=progressive)
    return file.getvalue()
