"""colorlab: a convolutional network that colors gray photographs, step by step."""

from colorlab.decode import annealed_mean as annealed_mean
from colorlab.decode import mode as mode
from colorlab.decode import upsample as upsample
from colorlab.lab import lab_to_rgb as lab_to_rgb
from colorlab.lab import rgb_to_lab as rgb_to_lab
from colorlab.losses import l2_loss as l2_loss
from colorlab.losses import logit_adjustment as logit_adjustment
from colorlab.losses import soft_cross_entropy as soft_cross_entropy
from colorlab.network import ColorNet as ColorNet
from colorlab.network import layer_table as layer_table
from colorlab.prior import count_bins as count_bins
from colorlab.prior import load_prior as load_prior
from colorlab.prior import merge_counts as merge_counts
from colorlab.prior import rebalance_weights as rebalance_weights
from colorlab.prior import save_counts as save_counts
from colorlab.prior import smooth_prior as smooth_prior
from colorlab.quantize import N_BINS as N_BINS
from colorlab.quantize import bin_centers as bin_centers
from colorlab.quantize import nearest_bin as nearest_bin
from colorlab.quantize import soft_encode as soft_encode
from colorlab.quantize import to_dense as to_dense
from colorlab.weights import calibrate as calibrate
from colorlab.weights import load_model as load_model
from colorlab.weights import load_pretrained as load_pretrained
from colorlab.weights import save_model as save_model

__version__ = "0.1.0"
