"""The recipe for Spark, in local mode: the data set that it writes has the hash of the one counted here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sgns_pmi.problems.data_sets import DataSet
from sgns_pmi.shards import main

ROOT = Path(__file__).resolve().parents[1]
KEYS = ("data.boundary=none", "data.window_type=drawn", "data.subsample=0.01", "data.min_count=1", "seed=3")


@pytest.mark.study
def test_spark_counts_what_this_program_counts(tmp_path, monkeypatch):
    pytest.importorskip("pyspark", reason="needs pyspark")
    if shutil.which("java") is None:
        pytest.skip("needs Java")
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("\n".join(f"a b{i % 7} c{i % 3} d e{i % 11}" for i in range(500)))
    settings = "--master", "local[2]", "--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.ui.enabled=false"
    submit = str(Path(sys.executable).with_name("spark-submit"))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [submit, *settings, str(ROOT / "docs" / "spark_counts.py"), "spark", "words", "4", "data.path=text", *KEYS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    main(["count", "whole", "data.path=text", *KEYS])
    assert DataSet("whole").hash() in done.stdout.split()  # among warnings
    assert DataSet("spark").hash() == DataSet("whole").hash()
    assert Path("spark/manifest.json").read_text() == Path("whole/manifest.json").read_text()
