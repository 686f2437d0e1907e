"""Who works on a trial, and whether it is still alive: trials of dead workers are taken up again."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

KIND = "kind"  # of a trial: baseline, sweep, search
WORKER = "worker"
RETRY_OF = "retry_of"
GRACE = timedelta(seconds=5)  # a trial this young may not have noted its worker yet
ELSEWHERE = timedelta(hours=6)  # on other machines nothing but time tells that a worker is dead


def this_worker() -> str:
    """Host, process and start of the process: a number that is used again is not the same process."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def retry_abandoned(study: Study, now: datetime | None = None) -> list[int]:
    """Fail the running trials of dead workers and queue their parameters again, once each.

    Without this they would stay "running" for ever, count as taken, and push the sampler away from their values.

    Returns:
        Numbers of the trials taken up.
    """
    abandoned = [t for t in study.get_trials(states=(TrialState.RUNNING,)) if _is_abandoned(t, now or datetime.now())]
    taken = []
    for trial in abandoned:
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
            continue  # another worker was faster
        queue_again(study, trial)
        taken.append(trial.number)
    return taken


def queue_again(study: Study, trial: FrozenTrial) -> None:
    """Queue the configuration of a trial that did not come to its end."""
    # A queued trial that died before it drew all its values has the others in "fixed_params".
    values = trial.system_attrs.get("fixed_params", {}) | trial.params
    if values:
        study.enqueue_trial(values, {RETRY_OF: trial.number, KIND: trial.user_attrs.get(KIND, "search")})


def _is_abandoned(trial: FrozenTrial, now: datetime) -> bool:
    age = now - (trial.datetime_start or now)
    worker = trial.user_attrs.get(WORKER)
    if worker is None:
        return age > GRACE
    host, process, started = str(worker).rsplit(":", 2)
    if host != socket.gethostname():
        return age > ELSEWHERE
    return _started(int(process)) != started


def _started(process: int) -> str:
    """When a process started, in the kernel's own unit; "" when there is none."""
    try:
        # Field 22 of the line; the name (field 2) may hold spaces, so count from its closing bracket.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return "" if Path("/proc/self").exists() else _started_by_signal(process)


def _started_by_signal(process: int) -> str:
    """Systems without /proc: only whether the process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"
