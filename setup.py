"""What setup.cfg can't hold: the engine's native kernels, built where there is a C compiler.

They are optional: without a compiler the install succeeds, and the package works through MXNet's
own operators (`gluon_gru.engine.info()` says so). Nothing of Python is in them, so that one library
serves every version of it.
"""

import setuptools

FOLDER = "gluon_gru/engine/"

setuptools.setup(
    ext_modules=[
        setuptools.Extension(
            "gluon_gru.engine._kernels",
            sources=[f"{FOLDER}{name}.c" for name in ("dispatch", "generic", "avx2", "avx512")],
            depends=[
                f"{FOLDER}{name}.h"
                for name in (
                    "engine",
                    "kernels",
                    "vector",
                    "product",
                    "run",
                    "cells",
                    "layer",
                    "update",
                    "network",
                    "writing",
                )
            ],
            # No -march, which would tie a wheel to the processor that built it, and no -ffast-math, which
            # changes the floating-point mode of the whole process.
            extra_compile_args=[
                "-std=gnu11",
                "-O3",
                "-fno-math-errno",
                "-fno-trapping-math",
                "-ffp-contract=fast",
                "-fopenmp",
            ],
            extra_link_args=["-fopenmp"],
            optional=True,
            py_limited_api=True,
        )
    ]
)
