"""One job, from configuration to files: ``python -m sgns_pmi.run`` or ``sgns-pmi``."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sgns_pmi import compare, figures, report
from sgns_pmi.command_line import as_dict, as_input_error, check_arguments, conf_folder, guard_configuration, register_help
from sgns_pmi.compare.words.files import check_word2vec, write_factors, write_word2vec
from sgns_pmi.config import Config
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS, Factorisation
from sgns_pmi.factorise.checkpoints import Checkpoint, kept_in
from sgns_pmi.factorise.devices import threads_for
from sgns_pmi.factorise.start_up import start_up
from sgns_pmi.folders import Folders
from sgns_pmi.gather import finish_sweep
from sgns_pmi.lazily import pd, seldom_collecting
from sgns_pmi.loggers import log_run
from sgns_pmi.negatives import Negatives
from sgns_pmi.output import lasting_output
from sgns_pmi.problems import Problem
from sgns_pmi.results.identity import job_key
from sgns_pmi.results.leftovers import CHECKPOINTS, clear
from sgns_pmi.results.lock import FolderLock
from sgns_pmi.results.overview import answers_overview, as_text, headline, in_colour, overview
from sgns_pmi.results.record import RunRecord, ended, histories, log_failure
from sgns_pmi.results.run import Run
from sgns_pmi.results.shown_file import SHOWN_FILE, write_shown
from sgns_pmi.results.status_file import status_line
from sgns_pmi.signals import ended_as_by_ctrl_c
from sgns_pmi.sweeper import GridSweep

log = logging.getLogger("sgns_pmi")

LAST_PROBLEM: dict[str, Problem] = {}
"""That of this process's last job of a sweep, by what it was made of; jobs that share one follow each other."""
EXIT_CODES = {"complete": 0, "failed": 1, "refused": 2, "interrupted": 130}


def run(config: Config, directory: Path | None, key: str = "", draw: bool = True, shared: bool = False) -> RunRecord:
    """The road: problem, factorise, compare, results, figures.

    Parameters
    ----------
    config : Config
        What to do.
    directory : Path or None
        Where the files of the run go; without one nothing is written or drawn.
    key : str, default ""
        What the job is known by, for the summary: `job_key`.
    draw : bool, default True
        Whether to draw figures; ``python -m sgns_pmi.figures`` draws them later.
    shared : bool, default False
        Whether the problem may be that of this process's last job, and is kept for the next.

    Returns
    -------
    RunRecord
        Its `status`, also in summary.json, is complete, failed or interrupted. Whatever was learned before Ctrl-C or a
        failure is compared and written; after Ctrl-C nothing is asked or drawn. Its `frames` are what was found, its `tables`
        what of it a console has room for.

    Raises
    ------
    InputError
        For input that cannot be used, before anything is computed.
    """
    with RunRecord(directory, config.seeds, key) as record, ExitStack() as small:
        with record.step("problem"):
            problem = known_problem(config) if shared else config.problem()
            negatives = Negatives(config.k, config.noise_for(problem), config.drop_positive)
            estimators, left_out = config.estimators(problem, verbose=record.alone)
            config.check_eval(problem)
            if config.word2vec:
                check_word2vec(problem.counts.vocab or ())
            small.enter_context(threads_for(problem.counts.shape))
        record.problem(problem, left_out)

        with record.step("start-up"):
            start_up(estimators.values())
        comparing = compare.Comparing(problem, negatives)

        def checkpoint(name: str) -> Checkpoint:
            if directory is None or not key or not config.checkpoint:
                return Checkpoint()
            return Checkpoint(directory / "checkpoints" / f"{name}.npz", key, config.checkpoint)

        fitted = factorise(estimators, problem, comparing, record, checkpoint)
        if fitted:
            metrics, shown = comparing.found
            level = config.level if config.intervals else None
            found = compare.Found(problem, fitted, metrics, comparing.estimates, level, config.dynamics)
            with record.step("floors"):
                metrics = compare.all_metrics(found)
            if config.held_out and record.status != "interrupted":
                with record.step("held out"):
                    rows = compare.held_out_rows(problem, fitted, negatives, config.held_out, config.seed)
                metrics = pd.concat([metrics, rows], ignore_index=True)
            record.keep("metrics", metrics)
            if directory is not None:
                record.tables.append(overview(metrics, {name: estimator.status_ for name, estimator in fitted.items()}))
                write_shown(shown, directory / SHOWN_FILE)
        if fitted and record.status != "interrupted":
            for name, make in compare.table_makers(found):
                with record.step(name):
                    table = record.learned(make(found))
                record.keep(name, table, optional=True)
            with record.step("evaluate"):
                vectors = compare.method_vectors(fitted, problem.counts, config.eval)
                answers = compare.evaluate(
                    vectors, config.eval, fitted=fitted, counts=problem.counts, seed=config.seed, questions=problem.questions
                )

            for name, frame in compare.answer_tables(answers).items():
                record.keep(name, pd.DataFrame() if frame is None else frame, optional=True)
            if directory is None:
                return record
            if config.word2vec:
                write_word2vec(vectors, directory / "vectors")

            record.tables += answers_overview(answers)
            if not draw:
                return record
            with record.step("figures"), figures.drawn_as(config.figure):
                title = figures.RunTitle(
                    problem.title, config.k, config.dim, config.noise_name, config.exponent, problem.pmi_rank
                )
                losses = {name: METHODS[name].loss for name in fitted if METHODS[name].loss}
                frames = figures.RunFrames(title, shown, losses, record.frames)
                figures.run_figures(directory / "figures", frames, svg=config.svg)
                figures.question_figures(directory / "figures", title, answers=answers, svg=config.svg)
    return record


def known_problem(config: Config) -> Problem:
    """The problem of a job of a sweep: the last job's, if both ask for the same."""
    known = job_key({"data": config.data, "sharing": config.sharing})
    if known not in LAST_PROBLEM:
        LAST_PROBLEM.clear()  # there may be no room for two
        LAST_PROBLEM[known] = config.problem()
    return LAST_PROBLEM[known]


@contextmanager
def warnings_logged() -> Iterator[None]:
    """Inside the block a warning, such as that a fit has not converged, is a line of the log."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=".*has not converged")  # in each job of a sweep
        warnings.showwarning = lambda message, *_, **__: log.warning(str(message))
        yield


def factorise(
    estimators: Mapping[str, Factorisation],
    problem: Problem,
    comparing: compare.Comparing,
    record: RunRecord,
    checkpoint: Callable[[str], Checkpoint],
) -> dict[str, Factorisation]:
    """Fit and compare one method after the other, and write what each has learned, and is worth, when it ends.

    After Ctrl-C no other begins; a method that fails does not stop the rest.
    """
    learned: dict[str, Factorisation] = {}
    compared: dict[str, Factorisation] = {}

    def keep(name: str) -> None:
        with record.step("compare"):
            comparing.add(name, learned[name])
        compared[name] = learned[name]
        if record.directory is not None:
            record.keep("metrics", comparing.found.metrics)

    for name, estimator in estimators.items():
        if record.status == "interrupted":
            record.left_out(name, "had not begun when the run was interrupted")
            continue
        try:
            with record.step(name), warnings_logged(), kept_in(checkpoint(name)):
                METHODS[name].fit(estimator, problem)
            if not estimator.finite:
                raise InputError("method", name, "learned factors that are not finite; there is no estimate of it")
            learned[name] = estimator
            record.fitted(name, estimator)
            if record.directory is not None:
                write_factors(estimator, problem.counts, record.directory / "vectors" / f"{name}.npz")
            record.keep("history", histories(learned))
            keep(name)
        except KeyboardInterrupt:
            record.interrupted()
            if name in learned:
                keep(name)
            else:
                record.left_out(name, "had learned nothing when the run was interrupted")
        except Exception as error:
            record.failed(name, error)
    return compared


def job(tree: DictConfig) -> str | float:
    """Hydra's task: one job. Alone it ends the program with its exit code; in a sweep it returns its status, or its objective."""
    directory = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().mode is RunMode.MULTIRUN:
        return sweep_job(tree, directory, Path(HydraConfig.get().sweep.dir))
    record = checked_run(lambda: as_dict(tree), directory, alone=True)
    for table in record.tables:
        print(as_text(table))
    if record.status != "refused":
        page = report.report_at_end(directory)
        print(f"{in_colour(record.status, record.status)}: {os.path.relpath(directory)}")
        for name, place in (("figures", directory / "figures"), ("report", page)):
            if place is not None and place.exists():
                print(f"{name}: {os.path.relpath(place)}")
    else:
        Folders.discard(directory)
    raise SystemExit(EXIT_CODES[record.status])


def sweep_job(tree: DictConfig, directory: Path, sweep: Path) -> str | float:
    """One job of a sweep, which may run in a process of its own; it has a report where it has figures."""
    start = time.monotonic()
    # Of a sweep that was killed a worker may still be writing here.
    with ended_as_by_ctrl_c(), FolderLock(directory, "hydra.sweep.dir", patience=30):
        record = checked_run(lambda: as_dict(tree), directory, alone=False)
        status = record.status
        if status != "refused" and tree.figures == "all":
            report.report_at_end(directory)
        line = status_line(sweep, directory.name, status, time.monotonic() - start, headline(record.tables))
        if line is not None:
            log.info(line)
    if status == "interrupted":
        raise KeyboardInterrupt  # Ctrl-C ends the sweep, not only this job of it
    return status if tree.objective is None else Run(directory).value(*tree.objective.split("/", 1))


def checked_run(compose: Callable[[], dict[str, Any]], directory: Path | None, alone: bool) -> RunRecord:
    """Run what a composed configuration, as nested dicts, asks for, in a folder without old results or in none."""
    clear(directory)
    key = ""
    try:
        content = compose()
        key = job_key(content)
        config = Config.from_tree(content)
        if alone and config.replicates > 1:
            raise InputError("replicates", config.replicates, "are jobs of a sweep; add --multirun")
        if not config.resume:
            clear(directory, CHECKPOINTS)
        record = run(config, directory, key, draw=config.figures == "all" or (alone and bool(config.figures)), shared=not alone)
        if config.loggers and directory is not None and "history" in record.frames:
            log_run(config.loggers, directory, content, record.frames["metrics"], record.frames["history"])
        if record.status == "complete":
            clear(directory, CHECKPOINTS)
        return record
    except (InputError, OmegaConfBaseException) as error:
        line = str(as_input_error(error))
        log.error(line)
        return ended(directory, "refused", line, key)
    except Exception as error:
        return ended(directory, "failed", log_failure("the run", error), key)


@lasting_output()
@seldom_collecting()
def main() -> None:
    """The command: a run, or with ``--multirun`` a sweep; bad input ends it with one line and exit code 2."""
    given = os.environ.get("HYDRA_FULL_ERROR")
    # Otherwise Hydra prints errors itself, in many lines, and exits.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    code = 0
    # Of a log that a full disk does not take nobody wants tracebacks.
    logging.raiseExceptions, before = False, logging.raiseExceptions
    with ended_as_by_ctrl_c(), Folders.released():
        try:
            register_help()
            guard_configuration()
            check_arguments()
            try:
                hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(job)()
            except GridSweep as grid:
                grid.run(job)
        except KeyboardInterrupt:
            code = EXIT_CODES["interrupted"]
        # Hydra's own code raises TypeError at values of strange types.
        except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, TypeError, LookupError, OSError) as error:
            if given == "1":
                raise
            print(as_input_error(error), file=sys.stderr)
            raise SystemExit(EXIT_CODES["refused"]) from None
        finally:
            logging.raiseExceptions = before
            if given is None:
                del os.environ["HYDRA_FULL_ERROR"]
        if Folders.sweep is not None:
            try:
                bad = finish_sweep(Folders.sweep, figures=code == 0) - {"complete"}
            except (InputError, OSError) as error:  # a file of a job that something else has damaged, or a full disk
                print(as_input_error(error), file=sys.stderr)
                raise SystemExit(EXIT_CODES["refused"]) from None
            code = code or (EXIT_CODES["failed"] if bad else 0)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
