"""pyspark in local mode: closures and classes of __main__ in RDDs, user-defined functions on DataFrames."""

import os
import sys

from ours import check, is_ours
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf, udf
from pyspark.sql.types import LongType, StringType


class Word:
    def __init__(self, text):
        self.text = text

    def key(self):
        return self.text.lower(), 1


def main():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        context = spark.sparkContext
        text = ["to be or not", "To Be that is", "the question"] * 10
        counts = context.parallelize(text, 4).flatMap(str.split).map(Word).map(lambda word: word.key())
        assert dict(counts.reduceByKey(lambda a, b: a + b).collect())["be"] == 20
        limit = context.broadcast(7)
        assert context.parallelize(range(20)).filter(lambda n: n > limit.value).count() == 12
        frame = spark.range(10)
        prefix = "row "
        shown = frame.select(udf(lambda n: prefix + str(n), StringType())("id").alias("shown"))
        assert [row.shown for row in shown.collect()][3] == "row 3"
        doubled = frame.select(pandas_udf(lambda column: column * 2, LongType())("id").alias("doubled"))
        assert sum(row.doubled for row in doubled.collect()) == 90
        check("pyspark.cloudpickle", context.parallelize(range(4), 4).map(lambda _: is_ours("pyspark.cloudpickle")).collect())
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
