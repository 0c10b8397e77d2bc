"""Pictures as SVG: deterministic text, legible on light and dark, with a text alternative.

Each kind has a module: what is drawn comes in as small records, one string leaves. No picture says
anything that only a colour tells.
"""

from baseimages.report.pictures.bars import Bar, render_bars
from baseimages.report.pictures.history import Point, Series, render_history
from baseimages.report.pictures.treemap import Tile, render_treemap
from baseimages.report.pictures.waterfall import Change, render_waterfall

__all__ = [
    "Bar",
    "Change",
    "Point",
    "Series",
    "Tile",
    "render_bars",
    "render_history",
    "render_treemap",
    "render_waterfall",
]
