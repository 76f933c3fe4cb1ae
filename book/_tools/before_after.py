"""Draw the picture in the README, with the shipped network."""

from pathlib import Path

from PIL import Image

from colorlab import load_pretrained
from colorlab.colorize import colorize

DATA = Path(__file__).parents[2] / "data"
PHOTOS = [
    "lake-pavilion",
    "summit-sunset",
    "historic/dust-bowl-home",
    "historic/black-canyon",
]
WIDTH, HEIGHT, GAP = 300, 200, 6  # pixels of one picture, and between two


def cut(image: Image.Image) -> Image.Image:
    """Return the middle of a picture, at the size and shape of a panel."""
    scale = max(WIDTH / image.width, HEIGHT / image.height)
    width, height = WIDTH / scale, HEIGHT / scale
    left, top = (image.width - width) / 2, (image.height - height) / 2
    box = (left, top, left + width, top + height)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box)


def main() -> None:
    """Draw gray above colored."""
    model = load_pretrained()
    columns, rows = len(PHOTOS), 2
    size = (columns * (WIDTH + GAP) - GAP, rows * (HEIGHT + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    for column, name in enumerate(PHOTOS):
        photo = Image.open(DATA / "photos" / f"{name}.jpg")
        for row, image in enumerate(
            [photo.convert("L"), colorize(photo, model)]
        ):
            sheet.paste(
                cut(image), (column * (WIDTH + GAP), row * (HEIGHT + GAP))
            )
    sheet.save(DATA / "before-after.jpg", quality=88)


if __name__ == "__main__":
    main()
