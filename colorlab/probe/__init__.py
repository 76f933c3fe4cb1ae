"""What the layers of a colorizer know about things (book chapter: probe).

A network that learned colors is frozen, what one of its blocks answers becomes the
features of an image, and a linear classifier, the probe, is fitted on them to a few
labels. How often it is right on other images is what the block is worth.
"""

from colorlab._lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "features": "block_features blocks nearest_images random_twin read_features",
        "linear": "Probe Score choose_images fit_probe probe_features share_interval",
        "table": "class_names class_splits probe_network",
    },
)
