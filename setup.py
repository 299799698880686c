"""What setup.cfg can't hold: the engine's native kernels, built where there is a C compiler.

They are optional: without a compiler the install succeeds, and the package works through MXNet's
own operators (`gluon_gru.engine.info()` says so). The library doesn't use Python's C API, so that
one build serves all versions of Python.
"""

import glob

import setuptools

setuptools.setup(
    ext_modules=[
        setuptools.Extension(
            "gluon_gru.engine._kernels",
            sources=sorted(glob.glob("gluon_gru/engine/*.c")),
            depends=sorted(glob.glob("gluon_gru/engine/*.h")),
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
