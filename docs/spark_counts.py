"""Counts of a text by Spark: its tasks run this package's kernel, its shuffle adds the cells up.

    spark-submit docs/spark_counts.py OUT WORDS SHARDS data.path=TEXT [data.*=...]

OUT becomes a data set (docs/counts.md), with the hash of `python -m sgns_pmi.shards count`. WORDS is a folder for the
words of the shards. All workers must see the text and both folders at the same paths.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession, functions

from sgns_pmi.problems.corpus import Shard, count_shard
from sgns_pmi.problems.data_sets import CELLS, TextPart, finish, prepare, write_words
from sgns_pmi.problems.first_passes import first_pass_of, words_into
from sgns_pmi.problems.text import text_task
from sgns_pmi.shards import data_options

out, words, shards, keys = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
options = data_options(keys)


def read_words(numbers: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """First pass: the words of each shard."""
    task = text_task(**options)
    for batch in numbers:
        yield batch.assign(tokens=[words_into(words, task, number, shards) for number in batch["id"]])


def count(numbers: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Second pass: the cells of each shard, in whole numbers, whose sum is the same in any order; word −1 has its kept tokens."""
    task = text_task(**options)
    for batch in numbers:
        for number in batch["id"]:
            shard = Shard(number, shards)
            first = first_pass_of(words, task, number, shards)
            with count_shard(task.sources, task.settings, task.limits, shard, first) as own:
                for rows in own.cells:
                    yield pd.DataFrame({"center": rows.centers, "context": rows.columns, "units": rows.values.astype("int64")})
            yield pd.DataFrame({"center": [-1], "context": [-1], "units": [own.kept]})


spark = SparkSession.builder.getOrCreate()
numbers = spark.range(1, shards + 1, numPartitions=shards)
tokens = sum(row.tokens for row in numbers.mapInPandas(read_words, "id long, tokens long").collect())

prepare(out)
task = text_task(**options)
first = first_pass_of(words, task, 1, shards)
found = numbers.mapInPandas(count, "center int, context int, units long").groupBy("center", "context").sum("units").cache()
cells = found.where("center >= 0").select(
    "center", "context", (functions.col("sum(units)").cast("double") / task.settings.unit).alias("count")
)
cells.orderBy("center", "context").write.mode("overwrite").parquet(str((out / CELLS).absolute()))
(kept,) = (row["sum(units)"] for row in found.where("center < 0").collect())
write_words(out, first.words, first.counts)
text = TextPart(first.text, first.tokens, 1, ((1, 1),))
print(finish(out, task.settings.key(), task.settings.unit, (text,), tokens, int(first.counts.sum()), kept).hash)
