"""Lab of 12 megapixels, there and back, against scikit-image and kornia."""

import kornia.color
import numpy as np
import torch
from measure import quiet_and_busy, save
from skimage.color import lab2rgb, rgb2lab

from colorlab import lab_to_rgb, rgb_to_lab

SIZE = (3000, 4000)
TOLERANCE = 2e-2  # Lab units; kornia rounds its matrix and white point otherwise


def channels_last(image: torch.Tensor) -> np.ndarray:
    """Lay an image out as scikit-image wants it."""
    return image.permute(1, 2, 0).contiguous().numpy()


def main() -> None:
    """Check that all agree, then time."""
    rng = torch.Generator().manual_seed(0)
    levels = torch.randint(256, (3, *SIZE), generator=rng, dtype=torch.uint8)
    rgb = levels.float() / 255
    lab = rgb_to_lab(rgb)
    rows = {n: channels_last(x) for n, x in [("u", levels), ("f", rgb), ("lab", lab)]}
    contests = {
        "rgb_to_lab, float32": {
            "colorlab": lambda: rgb_to_lab(rgb),
            "scikit-image": lambda: rgb2lab(rows["f"]),
            "kornia": lambda: kornia.color.rgb_to_lab(rgb),
        },
        "rgb_to_lab, uint8": {
            "colorlab": lambda: rgb_to_lab(levels),
            "scikit-image": lambda: rgb2lab(rows["u"]),
        },
        "lab_to_rgb, float32": {
            "colorlab": lambda: lab_to_rgb(lab),
            "scikit-image": lambda: lab2rgb(rows["lab"]),
            "kornia": lambda: kornia.color.lab_to_rgb(lab),
        },
    }
    for what, contestants in contests.items():
        expected = channels_last(contestants["colorlab"]())
        for name, run in contestants.items():
            found = run()
            if isinstance(found, torch.Tensor):
                found = channels_last(found)
            error = np.abs(found - expected).max()
            assert error < TOLERANCE, f"{what}: {name} is {error} off"
    about = "Lab of 12 megapixels"
    save("lab", about, quiet_and_busy(contests, 5))


if __name__ == "__main__":
    main()
