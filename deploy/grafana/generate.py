#!/usr/bin/env python3
"""Writes dashboards/*.json, which are kept beside this file; --check only compares."""

import pathlib
import sys

sys.dont_write_bytecode = True
from boards import cluster, exports, job, nodes, queue, scheduler  # noqa: E402
from dashboard_json import text_of  # noqa: E402


def main():
    folder = pathlib.Path(__file__).parent / "dashboards"
    stale = []
    for module in (cluster, job, nodes, queue, exports, scheduler):
        board = module.board()
        path = folder / (board["uid"] + ".json")
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text_of(board):
                stale.append(path.name)
        else:
            path.write_text(text_of(board))
    if stale:
        sys.exit(
            "not as generate.py makes them; run deploy/grafana/generate.py: " + ", ".join(stale)
        )


if __name__ == "__main__":
    main()
