"""How close to the truth, and how often people are fooled (chapter: evaluate)."""

from colorlab.evaluate.bootstrap import intervals as intervals
from colorlab.evaluate.bootstrap import read_sums as read_sums
from colorlab.evaluate.bootstrap import resample as resample
from colorlab.evaluate.measure import MEASURES as MEASURES
from colorlab.evaluate.measure import evaluate_images as evaluate_images
from colorlab.evaluate.measure import measure_images as measure_images
from colorlab.evaluate.metrics import ab_distance as ab_distance
from colorlab.evaluate.metrics import auc as auc
from colorlab.evaluate.metrics import ciede2000 as ciede2000
from colorlab.evaluate.metrics import colorfulness as colorfulness
from colorlab.evaluate.metrics import error_histogram as error_histogram
from colorlab.evaluate.metrics import mean_chroma as mean_chroma
from colorlab.evaluate.metrics import psnr as psnr
from colorlab.evaluate.metrics import rebalancing_weight as rebalancing_weight
from colorlab.evaluate.metrics import ssim as ssim
from colorlab.evaluate.probability import image_nats as image_nats
from colorlab.evaluate.probability import reliability as reliability
from colorlab.evaluate.probability import target_entropy as target_entropy
from colorlab.evaluate.probability import training_adjustment as training_adjustment
from colorlab.evaluate.report import read_scores as read_scores
from colorlab.evaluate.report import write_scores as write_scores
from colorlab.evaluate.report import write_sheet as write_sheet
from colorlab.evaluate.selection import find_listed as find_listed
from colorlab.evaluate.selection import match_pictures as match_pictures
