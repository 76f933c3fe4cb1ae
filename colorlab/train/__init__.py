"""One training loop, from a laptop to many GPUs (book chapter: train)."""

from colorlab.train.config import PRESETS as PRESETS
from colorlab.train.config import TrainConfig as TrainConfig
from colorlab.train.config import learning_rate as learning_rate
from colorlab.train.diagnostics import diagnose as diagnose
from colorlab.train.diagnostics import diagnostics as diagnostics
from colorlab.train.loop import train as train
from colorlab.train.loop import train_step as train_step
from colorlab.train.run import Stopped as Stopped
from colorlab.train.run import read_records as read_records
