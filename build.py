"""a2qflow: from training for narrow accumulators to a verified FPGA accelerator. The command line only."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

DEFAULT = Path(__file__).parent / "configs" / "digits_cnn.yaml"


def parser() -> argparse.ArgumentParser:
    """The command line of `build.py`."""
    top = argparse.ArgumentParser(
        prog="build.py", description=__doc__, epilog="Without arguments: run configs/digits_cnn.yaml."
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in (
        ("run", "train, build, verify, synthesize and report"),
        ("train", "train and export only"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("config", type=Path, nargs="?", default=DEFAULT, help="YAML file (default: %(default)s)")
        command.add_argument("-o", "--output-dir", type=Path, help="where to write (default: out/NAME)")
        command.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="override a config key"
        )
    commands.add_parser("doctor", help="which tools are here, which steps will run")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done and verified, 1 failed, 2 wrong input, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given or ["run"])

    from flows.console import console, error
    from flows.errors import FlowError

    try:
        if options.command == "doctor":
            from flows.doctor import doctor

            return doctor(console)
        if options.command is None:
            parser().print_help()
            return 2
        from flows.config import load
        from flows.pipeline import build

        config = load(options.config, options.overrides, options.output_dir)
        build(config, stop="train" if options.command == "train" else None)
    except FlowError as problem:
        error(str(problem))
        return problem.exit_code
    except KeyboardInterrupt:
        error("interrupted; finished steps are kept and will be reused")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
