"""The five nearest bins of 40 x 56 x 56 colors, against trees and brute force."""

import numpy as np
import torch
from measure import quiet_and_busy, save
from scipy.spatial import cKDTree
from sklearn.neighbors import BallTree

from colorlab import bin_centers, rgb_to_lab, soft_encode

K = 5
TOLERANCE = 1e-2  # ab units; float32 cdist finds distances by way of large squares


def main() -> None:
    """Check that all agree, then time; only colorlab's time includes the weights."""
    rng = torch.Generator().manual_seed(0)
    ab = rgb_to_lab(torch.rand(40, 3, 56, 56, generator=rng))[:, 1:].contiguous()
    colors = ab.permute(0, 2, 3, 1).reshape(-1, 2)
    centers = bin_centers()
    points = colors.double().numpy()
    kd_tree, ball_tree = cKDTree(centers.double().numpy()), BallTree(centers.numpy())
    contestants = {
        "colorlab": lambda: soft_encode(ab, centers, K)[0],
        "scipy cKDTree": lambda: kd_tree.query(points, K)[1],
        "scipy cKDTree, 2 workers": lambda: kd_tree.query(points, K, workers=2)[1],
        "scikit-learn BallTree": lambda: ball_tree.query(points, K)[1],
        "torch cdist and topk": lambda: torch.cdist(colors, centers).topk(
            K, largest=False
        )[1],
    }
    expected = kd_tree.query(points, K)[0]
    for name, run in contestants.items():
        bins = run()
        if name == "colorlab":
            bins = bins.permute(0, 2, 3, 1).reshape(-1, K)
        # Distances, as bins may tie.
        delta = points[:, None] - centers.double().numpy()[np.asarray(bins)]
        error = np.abs(np.linalg.norm(delta, axis=2) - expected).max()
        assert error < TOLERANCE, f"{name} is {error} off"
    about = f"{len(points):,} colors, k = {K}"
    save("encode", about, quiet_and_busy({"soft_encode": contestants}, 15))


if __name__ == "__main__":
    main()
