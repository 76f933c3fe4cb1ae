"""colorlab: a convolutional network that colors gray photographs, step by step."""

from colorlab._lazy import lazy_names

__version__ = "0.2.0"
__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "lab": "lab_to_rgb rgb_to_lab",
        "quantize": "N_BINS bin_centers nearest_bin soft_encode to_dense",
        "prior": "count_bins load_prior merge_counts rebalance_weights save_counts "
        "smooth_prior",
        "network": "ColorNet best_device layer_table",
        "weights": "calibrate load_model load_pretrained save_model",
        "losses": "l2_loss logit_adjustment soft_cross_entropy",
        "decode": "annealed_mean draw expected_distance geometric_median mode upsample",
    },
)
