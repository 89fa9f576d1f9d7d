"""Serve the EMR API on this machine: ``python -m reprise.sandbox.emr --port 19001 --home .reprise/emr``.

AWS endpoint and credentials variables of this process are what the steps get in place of an instance profile.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import uvicorn

from reprise.errors import RepriseError
from reprise.sandbox.emr.app import build_app
from reprise.sandbox.emr.cloud import Cloud
from reprise.sandbox.emr.faults import Faults
from reprise.sandbox.emr.image import Image
from reprise.sandbox.emr.store import Store


def build_cloud(home: Path, image: Image) -> Cloud:
    """Return the clusters kept under a home."""
    return Cloud(Store(home), image, Faults())


def main(argv: list[str] | None = None) -> int:
    """Serve until told to end; a home in use is refused in one line."""
    parser = argparse.ArgumentParser(prog="python -m reprise.sandbox.emr", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True, help="where clusters are kept")
    parser.add_argument("--jars-dir", type=Path, help="S3A's jars; without them steps cannot read s3://")
    parser.add_argument("--memory", default="2g", help="most that a step's driver or executor gets (default 2g)")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    jars = args.jars_dir.absolute() if args.jars_dir else None
    try:
        cloud = build_cloud(args.home, Image(args.home.absolute() / "image", jars, memory=args.memory))
    except RepriseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    uvicorn.run(build_app(cloud), host=args.host, port=args.port, access_log=False, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
