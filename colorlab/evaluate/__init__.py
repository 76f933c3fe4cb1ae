"""How close to the truth, and how often people are fooled (chapter: evaluate)."""

from colorlab.evaluate.measure import MEASURES as MEASURES
from colorlab.evaluate.measure import evaluate_images as evaluate_images
from colorlab.evaluate.measure import intervals as intervals
from colorlab.evaluate.measure import measure_images as measure_images
from colorlab.evaluate.measure import read_sums as read_sums
from colorlab.evaluate.measure import resample as resample
from colorlab.evaluate.metrics import auc as auc
from colorlab.evaluate.metrics import colorfulness as colorfulness
from colorlab.evaluate.metrics import error_histogram as error_histogram
from colorlab.evaluate.metrics import mean_chroma as mean_chroma
from colorlab.evaluate.metrics import psnr as psnr
from colorlab.evaluate.metrics import rebalancing_weight as rebalancing_weight
from colorlab.evaluate.report import write_scores as write_scores
from colorlab.evaluate.report import write_sheet as write_sheet
