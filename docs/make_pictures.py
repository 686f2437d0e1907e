"""Take the README's pictures: the gallery of the newest crepe report, and the lineage as Kedro-Viz draws it.

Needs Debian's chromium (or $CHROMIUM) and a finished `make crepe`: `.venv/bin/python docs/make_pictures.py`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("CHROMIUM", "chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def screenshot(address: str, picture: Path, width: int, height: int) -> None:
    """Render a page and save it as PNG; the budget of virtual time lets its scripts finish."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                CHROMIUM,
                *FLAGS,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "--virtual-time-budget=20000",
                f"--screenshot={picture}",
                address,
            ],
            check=True,
            capture_output=True,
        )


def lineage(picture: Path, pipeline: str = "crepe") -> None:
    """Start Kedro-Viz on a free port and photograph one pipeline."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", f"--port={port}", f"--pipeline={pipeline}"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        screenshot(f"http://127.0.0.1:{port}/?pid={pipeline}", picture, 1600, 1000)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Take both pictures."""
    IMAGES.mkdir(exist_ok=True)
    lineage(IMAGES / "lineage.png")
    galleries = sorted((ROOT / "data" / "08_reporting").glob("sample_world/crepe_gallery.html/*/*.html"))
    screenshot(galleries[-1].as_uri(), IMAGES / "gallery.png", 1200, 800)


if __name__ == "__main__":
    main()
