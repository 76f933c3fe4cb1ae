"""Images as batches: files, sources, shards, downloads (book chapter: datasets)."""

from colorlab._lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "batches": "Batch ImageDataset batch_sizes_per_source central_image "
        "epoch_batches image_batches image_order training_batches",
        "download": "data_folder get_data",
        "formats": "is_image",
        "images": "center_crop open_image open_rgb random_crop save_format save_image "
        "to_tensor",
        "profiles": "to_rgb",
        "shards": "write_shards",
        "sources": "ImageSource find_images find_splits",
    },
)
