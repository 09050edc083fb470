"""a2qflow: from training for narrow accumulators to a verified FPGA accelerator. The command line only."""

from __future__ import annotations

import argparse
import signal
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
    _add_sweep(commands)
    _add_compare(commands)
    _add_deploy(commands)
    commands.add_parser("doctor", help="which tools are here, which steps will run")
    return top


def _add_deploy(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "copy a built package to a board over SSH and validate it there"
    deploy = commands.add_parser("deploy", help=text, description=text)
    deploy.add_argument("out", type=Path, metavar="OUT", help="output folder of a build with a bitfile")
    deploy.add_argument("--host", required=True, metavar="[USER@]HOST", help="the board, such as xilinx@pynq.local")
    deploy.add_argument("--folder", help="below the home folder there (default: a2qflow/DESIGN)")
    deploy.add_argument("--python", default="", help="Python there that has pynq (default: looked for)")
    deploy.add_argument("--as-user", action="store_true", help="no sudo: the user may load bitstreams")
    deploy.add_argument(
        "--timeout", type=float, default=10.0, metavar="S", help="seconds without progress (default: 10)"
    )
    deploy.add_argument(
        "--ssh-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of ssh and scp, such as Port=2222",
    )


def _add_sweep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "train or build every point of a grid on a Dask cluster, then compare them"
    sweep = commands.add_parser("sweep", help=text, description=text)
    sweep.add_argument("config", type=Path, help="YAML file")
    for option, what in (
        ("--accumulator-bits", "accumulator widths P in bits, such as 8,9,10,12,16 (--optimize: P of each layer)"),
        ("--methods", "of a2q+,a2q,qat (default: a2q+; qat is trained once a seed, it has no P)"),
        ("--activation-bits", "activation widths N in bits, such as 2,3,4 (default: the configuration's)"),
        ("--weight-bits", "weight widths in bits (default: the configuration's)"),
        ("--policies", "accumulator policies to build with (default: the configuration's)"),
        ("--boards", "boards to build for (default: the configuration's)"),
        ("--target-fps", "frames per second to build for (default: the configuration's)"),
        ("--skip-zeros", "of no,yes: whether folding may take MVAUs that skip zero weights"),
    ):
        sweep.add_argument(option, metavar="A,B,…", help=what)
    sweep.add_argument(
        "--seeds", default="1", metavar="N", help="seeds a point, from the configuration's on (default: 1)"
    )
    sweep.add_argument("--stop-step", metavar="STEP", help="train: train and export only")
    sweep.add_argument(
        "--optimize",
        metavar="TEXT",
        help='search the values above in place of their grid, such as "min LUT where accuracy >= 0.99*float"',
    )
    sweep.add_argument("--trials", metavar="N", help="points that --optimize tries (default: 40)")
    sweep.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a running Dask scheduler, or slurm, pbs, lsf: jobs of a batch system (default: workers of our own)",
    )
    sweep.add_argument("--workers", metavar="N", help="workers of our own (default: one a core), or jobs (default: 8)")
    sweep.add_argument(
        "--job",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of each job: queue, account, walltime, memory, interface, local_directory, directive, prologue, …",
    )
    sweep.add_argument("-o", "--output-dir", type=Path, help="where to write (default: out/NAME_sweep)")
    sweep.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="override a config key"
    )


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "one table and page of builds and sweeps that are already there, FINN's too"
    compare = commands.add_parser("compare", help=text, description=text)
    compare.add_argument("outs", type=Path, nargs="+", metavar="OUT", help="output folder of a build or a sweep")
    compare.add_argument("-o", "--output-dir", type=Path, help="where to write (default: out/comparison)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done and verified, 1 failed, 2 wrong input, 130 or 143 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given or ["run"])

    from flows.console import console, error
    from flows.errors import FlowError

    terminated = False

    def terminate(*_: object) -> None:
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt

    # As Ctrl-C: the tools that run end with us, in a container too.
    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        if options.command == "doctor":
            from flows.doctor import doctor

            return doctor(console)
        if options.command is None:
            parser().print_help()
            return 2
        if options.command == "sweep":
            from flows.sweep.command import run_command

            return run_command(options)
        if options.command == "compare":
            from flows.sweep.comparison import compare

            compare(options.outs, options.output_dir)
            return 0
        if options.command == "deploy":
            from flows.deploy import run_command as run_deploy

            return run_deploy(options)
        from flows.config import load
        from flows.pipeline import build

        config = load(options.config, options.overrides, options.output_dir)
        build(config, stop="train" if options.command == "train" else None)
    except FlowError as problem:
        error(str(problem))
        return problem.exit_code
    except KeyboardInterrupt:
        error("interrupted; finished steps are kept and will be reused")
        return 143 if terminated else 130
    except OSError as problem:
        # Whatever is left of a step has no record, so that it is run again.
        where = f" {problem.filename}" if problem.filename else ""
        error(f"the file system refused{where}: {problem.strerror or problem}; finished steps are kept")
        return 1
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0


if __name__ == "__main__":
    sys.exit(main())
