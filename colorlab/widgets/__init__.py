"""Figures that play, in JupyterLab and in the built page, from one source."""

from colorlab.widgets.temperature import TemperatureExplorer as TemperatureExplorer
