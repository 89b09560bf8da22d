"""The call surface of WeightWatcher 0.7.7: change one import, keep the code.

    import triplepoint.compat.weightwatcher as ww

    watcher = ww.WeightWatcher(model=model)
    details = watcher.analyze()
    summary = watcher.get_summary(details)

Columns, their order, layer ids and names are those of WeightWatcher. The numbers are those of this toolkit, which
differ where WeightWatcher is wrong; `WeightWatcher(model=model, compat="weightwatcher")` gives its own numbers,
errors included. docs/weightwatcher.md lists every difference. Importing this configures no logging, silences no
warnings and loads neither torch nor matplotlib; pandas (the extra `frames`) is loaded with the first table.
"""

from triplepoint import __version__
from triplepoint.compat.weightwatcher import RMT_Util, WW_powerlaw, constants
from triplepoint.compat.weightwatcher.constants import *  # noqa: F403
from triplepoint.compat.weightwatcher.watcher import WeightWatcher

__all__ = ["RMT_Util", "WW_powerlaw", "WeightWatcher", "__version__", "constants"]
