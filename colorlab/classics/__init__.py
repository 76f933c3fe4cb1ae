"""Color before networks: by hand, by example, by features (a chapter a module)."""

from colorlab._lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "scribbles": "geodesic_shares neighbor_weights propagate scribble_shares solve",
        "example": "find_matches jittered_places look_of welsh welsh_swatches",
        "analogy": "analogy irony",
        "descriptors": "color_pixels daisy fit_perceptron patches principal_axes",
        "multimodal": "coherent describe energy label_changes predict",
        "filters": "guided_filter joint_bilateral",
    },
)
