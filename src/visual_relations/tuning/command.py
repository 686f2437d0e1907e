"""`kedro tune NAME --workers N`: several processes on one study."""

from __future__ import annotations

import os
import subprocess
import sys

import click


@click.command()
@click.argument("name")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that work on the study."
)
@click.option("--gpus", default="", help="Comma-separated GPU numbers, given to the workers in turn.")
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.option("--params", default=None, help="Runtime parameters, as for kedro run.")
def tune(name: str, workers: int, gpus: str, env: str | None, params: str | None) -> None:
    """Run the study NAME (crepe, clipcap, ...) with several workers, or continue it.

    First everything the study needs is made, then the workers share its trials, then the outputs are written. For
    workers on other machines give the study store a database URL and run this command there too.
    """
    run = [sys.executable, "-m", "kedro", "run", f"--pipelines={name}_tuning"]
    run += [f"--env={env}"] if env else []
    run += [f"--params={params}"] if params else []
    _check(subprocess.run([*run, f"--to-nodes=open_{name}_study"], check=False).returncode, "preparing the study")
    # Not the incremental runner: all of them do the same node, and none may find it done by another.
    work = [*run, f"--nodes=run_{name}_study", "--runner=SequentialRunner"]
    processes = [subprocess.Popen(work, env=_environment(worker, workers, gpus)) for worker in range(workers)]
    failed = [process.wait() for process in processes]
    _check(max(failed, key=abs), f"{sum(map(bool, failed))} of {workers} workers")
    _check(subprocess.run(run, check=False).returncode, "writing the outputs")


def _environment(worker: int, workers: int, gpus: str) -> dict[str, str]:
    """Each worker has its share of the processors, and its own GPU."""
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    environment = {"OMP_NUM_THREADS": threads, **os.environ}
    if gpus:
        numbers = [number.strip() for number in gpus.split(",")]
        environment["CUDA_VISIBLE_DEVICES"] = numbers[worker % len(numbers)]
    return environment


def _check(code: int, what: str) -> None:
    if code:
        raise click.ClickException(f"{what} failed (exit code {code}); the same command continues where it was")
