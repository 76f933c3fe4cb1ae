"""Run the chapters and store their text outputs.

    python book/_tools/store_outputs.py [NAME ...]

Names are those of chapters, such as "lab"; without one, all of them are run.
Pictures and widgets are left to the build, so that a stored notebook is short
and its changes can be read. A cell has an execution count only with an output.
"""

import sys
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
TIMEOUT = 120  # seconds for one cell
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def chapters(root: Path = ROOT) -> list[Path]:
    """List the notebooks of the table of contents, in its order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    names = [toc["root"], *(entry["file"] for entry in entries)]
    paths = [root / f"{name}.ipynb" for name in names]
    return [path for path in paths if path.exists()]


def is_text(output: NotebookNode) -> bool:
    """Tell whether an output is neither picture nor widget nor HTML."""
    return set(output.get("data", {})) <= {"text/plain"}


def text_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Keep what was printed, and results where all outputs are text."""
    printed = "".join(
        output.text
        for output in outputs
        if output.output_type == "stream" and output.name == "stdout"
    )
    new = nbformat.v4.new_output
    kept = [new("stream", name="stdout", text=printed)] if printed else []
    if all(map(is_text, outputs)):
        kept += [out for out in outputs if out.output_type == "execute_result"]
    return kept


def strip(notebook: NotebookNode) -> NotebookNode:
    """Leave only text outputs and the metadata that the book reads."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = text_outputs(cell.outputs)
            if not cell.outputs:
                cell.execution_count = None
    return notebook


def store(path: Path) -> None:
    """Run one notebook in its own folder and write it back."""
    notebook = nbformat.read(path, as_version=4)
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    for number, cell in enumerate(notebook.cells):
        cell.setdefault("id", f"cell-{number}")
    NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    nbformat.write(strip(notebook), path)


def main(*names: str) -> None:
    """Store the chapters with these names, or all, one after the other."""
    paths = {path.stem: path for path in chapters()}
    if unknown := set(names) - set(paths):
        sys.exit(f"no chapter {' '.join(unknown)}; there are {' '.join(paths)}")
    for path in [paths[name] for name in names or paths]:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        store(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
