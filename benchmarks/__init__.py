"""How fast models train and generate here, beside other libraries and what the processor can do.

`benchmarks.catalogue` says who is measured at what, `contest` how; `study` measures. `own_texts`
compares trainings on texts of one's own.
"""
