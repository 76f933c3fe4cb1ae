"""Figures that play, in JupyterLab and in the built page, from one source."""

from colorlab.widgets.coherence import Coherence as Coherence
from colorlab.widgets.curtain import Curtain as Curtain
from colorlab.widgets.descriptorlab import DescriptorLab as DescriptorLab
from colorlab.widgets.fence import Fence as Fence
from colorlab.widgets.film import LearningFilm as LearningFilm
from colorlab.widgets.film import WhichIsDead as WhichIsDead
from colorlab.widgets.film import film_sheet as film_sheet
from colorlab.widgets.film import read_film as read_film
from colorlab.widgets.game import NetworkGame as NetworkGame
from colorlab.widgets.gamut import GamutExplorer as GamutExplorer
from colorlab.widgets.journey import Journey as Journey
from colorlab.widgets.layermaps import LayerMaps as LayerMaps
from colorlab.widgets.lookalikes import LookAlikes as LookAlikes
from colorlab.widgets.lossplayground import LossPlayground as LossPlayground
from colorlab.widgets.matches import Matches as Matches
from colorlab.widgets.microscope import Microscope as Microscope
from colorlab.widgets.painter import Painter as Painter
from colorlab.widgets.priorbench import PriorBench as PriorBench
from colorlab.widgets.receptivefield import ReceptiveField as ReceptiveField
from colorlab.widgets.softencoding import SoftEncodingPicker as SoftEncodingPicker
from colorlab.widgets.solid import ColorSolid as ColorSolid
from colorlab.widgets.temperature import TemperatureExplorer as TemperatureExplorer
from colorlab.widgets.turing import TuringTest as TuringTest
from colorlab.widgets.twocolors import TwoColors as TwoColors
