"""Write what the examples of the chart render to: `python -m tests.helm`."""

from tests.helm.charts import EXAMPLES, GOLDEN, golden

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in EXAMPLES:
        (GOLDEN / f"{name}.yaml").write_text(golden(name))
