"""One job, from configuration to files: ``python -m sgns_pmi.run`` or ``sgns-pmi``."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hydra
import pandas as pd
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sgns_pmi.command_line import as_input_error, check_arguments, conf_folder, register_help
from sgns_pmi.compare import compare, evaluate, method_vectors
from sgns_pmi.compare.words.files import check_word2vec, write_factors, write_word2vec
from sgns_pmi.config import Config
from sgns_pmi.errors import InputError
from sgns_pmi.factorise import METHODS, Factorisation
from sgns_pmi.figures import RunFrames, RunTitle, question_figures, run_figures
from sgns_pmi.negatives import Negatives
from sgns_pmi.problems import Problem
from sgns_pmi.results.overview import answers_overview, as_text, overview
from sgns_pmi.results.record import RunRecord, histories, log_failure
from sgns_pmi.results.shown_file import SHOWN_FILE, write_shown
from sgns_pmi.results.tables import write_answers, write_csv
from sgns_pmi.sweep import SweepStart, finish_sweep

log = logging.getLogger("sgns_pmi")

EXIT_CODES = {"complete": 0, "failed": 1, "refused": 2, "interrupted": 130}


def run(config: Config, directory: Path) -> RunRecord:
    """The road: problem, factorise, compare, results, figures.

    Parameters
    ----------
    config : Config
        What to do.
    directory : Path
        Where the files of the run go.

    Returns
    -------
    RunRecord
        Its `status`, also in summary.json, is complete, failed or interrupted. Whatever was learned before Ctrl-C or a
        failure is compared and written. Its `tables` are what a console has room for.

    Raises
    ------
    InputError
        For input that cannot be used, before anything is written.
    """
    with RunRecord(directory, config.seeds) as record:
        with record.step("problem"):
            problem = config.problem()
            negatives = Negatives(config.k, config.noise_for(problem), config.drop_positive)
            # Jobs that run in parallel would draw their progress bars over each other.
            estimators, left_out = config.estimators(problem, verbose=multiprocessing.parent_process() is None)
            config.check_eval(problem)
            if config.word2vec:
                check_word2vec(problem.counts.vocab or ())
        record.problem(problem, left_out)

        fitted = factorise(estimators, problem, record)
        if fitted:
            with record.step("compare"):
                metrics, shown = compare(problem, fitted, negatives)
            record.tables.append(overview(metrics))
            history = histories(fitted)
            write_csv(metrics, directory / "metrics.csv")
            write_csv(history, directory / "history.csv")
            write_shown(shown, directory / SHOWN_FILE)
            with record.step("evaluate"):
                vectors = method_vectors(fitted, problem.counts, config.eval)
                answers = evaluate(vectors, config.eval, fitted=fitted, counts=problem.counts, seed=config.seed)

            write_answers(answers, directory)
            for name, estimator in fitted.items():
                write_factors(estimator, problem.counts, directory / "vectors" / f"{name}.npz")
            if config.word2vec:
                write_word2vec(vectors, directory / "vectors")

            record.tables += answers_overview(answers)
            with record.step("figures"):
                title = RunTitle(problem.title, config.k, config.dim, config.noise_name, config.exponent, problem.pmi_rank)
                losses = {name: METHODS[name].loss for name in fitted if METHODS[name].loss}
                frames = RunFrames(title, metrics, history, shown, losses)
                run_figures(directory / "figures", frames, svg=config.svg)
                question_figures(directory / "figures", title, answers=answers, svg=config.svg)
    return record


def factorise(estimators: Mapping[str, Factorisation], problem: Problem, record: RunRecord) -> dict[str, Factorisation]:
    """Fit one method after the other; after Ctrl-C no other begins, and a method that fails does not stop the rest."""
    fitted: dict[str, Factorisation] = {}
    for name, estimator in estimators.items():
        if record.status == "interrupted":
            record.left_out(name, "had not begun when the run was interrupted")
            continue
        try:
            with record.step(name):
                fitted[name] = estimator.fit(problem.give(METHODS[name].needs))
            record.fitted(name, estimator)
        except KeyboardInterrupt:
            record.interrupted()
            record.left_out(name, "had learned nothing when the run was interrupted")
        except Exception as error:
            record.failed(name, error)
    return fitted


def job(tree: DictConfig) -> str:
    """Hydra's task: one job. Alone it ends the program with its exit code; in a sweep it returns its status."""
    directory = Path(HydraConfig.get().runtime.output_dir)
    alone = HydraConfig.get().mode is not RunMode.MULTIRUN
    status: str
    tables: list[pd.DataFrame] = []
    try:
        record = run(Config.from_tree(as_dict(tree)), directory)
        status, tables = record.status, record.tables
    except (InputError, OmegaConfBaseException) as error:
        status = "refused"
        log.error(str(as_input_error(error)))
    except Exception as error:
        status = "failed"
        log_failure("the run", error)
    if alone:
        for table in tables:
            print(as_text(table))
        if status != "refused":
            print(f"{status}: {os.path.relpath(directory)}")
        raise SystemExit(EXIT_CODES[status])
    if status == "interrupted":
        raise KeyboardInterrupt  # Ctrl-C ends the sweep, not only this job of it
    return status


def as_dict(tree: DictConfig) -> dict[str, Any]:
    """The composed configuration as nested dicts."""
    if "method" not in tree:
        raise InputError("method", "[]", f"must name one or more of {', '.join(METHODS)}")
    content: Any = OmegaConf.to_container(tree, resolve=True, throw_on_missing=True)
    return content


def main() -> None:
    """The command: a run, or with ``--multirun`` a sweep; bad input ends it with one line and exit code 2."""
    given = os.environ.get("HYDRA_FULL_ERROR")
    # Otherwise Hydra prints errors itself, in many lines, and exits.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    SweepStart.directory = None
    code = 0
    try:
        register_help()
        check_arguments()
        hydra.main(config_path=str(conf_folder()), config_name="config", version_base="1.3")(job)()
    except KeyboardInterrupt:
        code = EXIT_CODES["interrupted"]
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, OSError) as error:
        if given == "1":
            raise
        print(as_input_error(error), file=sys.stderr)
        raise SystemExit(EXIT_CODES["refused"]) from None
    finally:
        if given is None:
            del os.environ["HYDRA_FULL_ERROR"]
    if SweepStart.directory is not None:
        bad = finish_sweep(SweepStart.directory) - {"complete"}
        code = code or (EXIT_CODES["failed"] if bad else 0)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
