"""What the labels gave: three runs with and without them, as curves and figures.

    for name in control-free control-frozen control-random; do
        colorlab train SHARDS --recipe data/recipes/$name.json --out RUNS/$name
    done
    python benchmarks/controls.py RUNS SHARDS/tuning

Writes data/evaluations/controls.json: of each run how many photos it had seen at each
save and the held-out loss then (nats, rebalanced), its recipe, and by the measuring
protocol, on photos that none learned from, what it gains over gray. A run that is not
done counts as far as it has come, by its best network.
"""

import sys
from itertools import accumulate
from pathlib import Path

from colorlab.datasets.sources import ImageSource, find_images
from colorlab.evaluate.measure import evaluate_images
from colorlab.files import write_json
from colorlab.train.run import read_records
from colorlab.weights import load_model

FILE = Path(__file__).parents[1] / "data" / "evaluations" / "controls.json"
CONTROLS = ("free", "frozen", "random")
MEASURES = ("auc", "auc_rebalanced")


def control(run: Path, photos: ImageSource) -> dict:
    """Return the curve of a run and what its network gains."""
    records = read_records(run / "round-1" / "metrics.jsonl")
    seen = accumulate(record["images"] for record in records)
    saves = [(n, r) for n, r in zip(seen, records, strict=True) if r.get("held_out")]
    files = (run / f"round-1/{name}.safetensors" for name in ("model", "best"))
    model = load_model(next(file for file in files if file.exists()))
    scores = evaluate_images(model, photos)
    return {
        "recipe": f"data/recipes/{run.name}.json",
        "steps": records[-1]["step"],
        "photos": [number for number, _ in saves],
        "nats": [round(record["held_out"], 4) for _, record in saves],
        "measured_on": len(photos),
        "gain": {measure: scores["gain"][measure] for measure in MEASURES},
        "chroma": scores["network"]["chroma"],
        "true_chroma": scores["truth"]["chroma"],
    }


def main(runs: str, tuning: str) -> None:
    """Measure the three, and write the file."""
    photos = find_images(tuning, "val", hold_out=False)
    write_json(
        FILE,
        {name: control(Path(runs, f"control-{name}"), photos) for name in CONTROLS},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
