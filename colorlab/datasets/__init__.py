"""Images as batches: files, sources, shards, downloads (book chapter: datasets)."""

from colorlab.datasets.batches import Batch as Batch
from colorlab.datasets.batches import ImageDataset as ImageDataset
from colorlab.datasets.batches import batch_sizes_per_source as batch_sizes_per_source
from colorlab.datasets.batches import central_image as central_image
from colorlab.datasets.batches import epoch_batches as epoch_batches
from colorlab.datasets.batches import image_batches as image_batches
from colorlab.datasets.batches import image_order as image_order
from colorlab.datasets.batches import training_batches as training_batches
from colorlab.datasets.download import data_folder as data_folder
from colorlab.datasets.download import get_data as get_data
from colorlab.datasets.images import center_crop as center_crop
from colorlab.datasets.images import frames as frames
from colorlab.datasets.images import is_image as is_image
from colorlab.datasets.images import open_image as open_image
from colorlab.datasets.images import open_rgb as open_rgb
from colorlab.datasets.images import random_crop as random_crop
from colorlab.datasets.images import save_format as save_format
from colorlab.datasets.images import save_image as save_image
from colorlab.datasets.images import to_rgb as to_rgb
from colorlab.datasets.images import to_tensor as to_tensor
from colorlab.datasets.shards import write_shards as write_shards
from colorlab.datasets.sources import ImageSource as ImageSource
from colorlab.datasets.sources import find_images as find_images
from colorlab.datasets.sources import find_splits as find_splits
