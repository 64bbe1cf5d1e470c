"""python3 -m ekman_export: the command ekman-export."""
import sys

from .command import main

sys.exit(main())
