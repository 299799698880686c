"""How fast models train and generate here, beside other libraries and what the processor can do.

`benchmarks.catalogue` says who is measured at what, and what is wanted; `jobs` what they are told;
`contest` how they take turns; `study` measures; `judging` holds the rates against the goals.
`own_texts` compares trainings on texts of one's own.
"""
