r"""Say a formula in one line of plain text, where there is no MathJax.

Names stay words, which one can search for: `\lambda` becomes "lambda". Signs,
fractions, roots and accents become what one writes by hand.
"""

import re
import unicodedata

SIGNS = {
    "approx": "≈",
    "cdot": "·",
    "dots": "…",
    "ge": "≥",
    "infty": "∞",
    "ldots": "…",
    "le": "≤",
    "leftarrow": "←",
    "lVert": "‖",
    "mapsto": "↦",
    "ne": "≠",
    "propto": "∝",
    "rVert": "‖",
    "sim": "~",
    "times": "×",
    "to": "→",
    "top": "T",
}
ACCENTS = {"bar": "\u0304", "hat": "\u0302", "overline": "\u0304"}
ACCENTS |= {"tilde": "\u0303"}
SILENT = (
    "mathcal|mathrm|mathbb|mathbf|operatorname|text|left|right|big|displaystyle"
)
GROUP = r"\s*(\{[^{}]*\}|\\[a-zA-Z]+|[^\s\\{}])"  # what a command is applied to
FRACTION = re.compile(r"\\[td]?frac" + GROUP + GROUP)
ROOT = re.compile(r"\\sqrt" + GROUP)
ACCENT = re.compile(rf"\\({'|'.join(ACCENTS)})(?![a-zA-Z])" + GROUP)
SCRIPT = re.compile(r"([_^])\{([^{}]*)\}")
NAME = re.compile(r"\\([a-zA-Z]+)")


def _within(group: str) -> str:
    """Keep several words or signs of a group together."""
    text = group.strip("{}").strip()
    return text if re.fullmatch(r"\\?[\w.]*", text) else f"({text})"


def plain_math(tex: str) -> str:
    """Return a formula of TeX without its commands and braces."""
    text = re.sub(rf"\\(?:{SILENT})(?![a-zA-Z]) *", "", tex)
    text = re.sub(r"\\[,;:! ]|~", " ", text)
    before = None
    while text != before:  # from the inmost group out
        before = text
        text = SCRIPT.sub(lambda m: m[1] + _within(m[2]), text)
        text = ACCENT.sub(lambda m: m[2].strip("{}") + ACCENTS[m[1]], text)
        text = ROOT.sub(lambda m: "√" + _within(m[1]), text)
        text = FRACTION.sub(lambda m: f"{_within(m[1])}/{_within(m[2])}", text)
    text = (
        re.sub(r"(?<!\\)[{}]", "", text).replace("\\{", "{").replace("\\}", "}")
    )
    text = NAME.sub(lambda m: SIGNS.get(m[1], m[1]), text).replace("\\", " ")
    return unicodedata.normalize("NFC", re.sub(r"\s+", " ", text).strip())
