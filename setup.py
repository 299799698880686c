"""What setup.cfg can't hold: the engine's native kernels, built where there is a C compiler.

They are optional: without GCC or Clang the install succeeds, and the package computes by other means
(`gluon_gru.engine.info()` says so). The library doesn't use Python's C API, so that one build serves
all versions of Python.
"""

import glob
import os
import tempfile

import setuptools
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

# How compilers take OpenMP, (compiler's arguments, linker's): GCC, and Clang on Linux; Apple's Clang,
# with the libomp of Homebrew, which no compiler looks for by itself.
BREWED = [
    path for path in ("/opt/homebrew/opt/libomp", "/usr/local/opt/libomp") if os.path.isdir(path)
]
OPENMP = (
    (["-fopenmp"], ["-fopenmp"]),
    (
        ["-Xpreprocessor", "-fopenmp", *(f"-I{path}/include" for path in BREWED)],
        [*(f"-L{path}/lib" for path in BREWED), "-lomp"],
    ),
)


class BuildKernels(build_ext):
    """Builds the kernels with OpenMP if the compiler has it, otherwise for a single thread."""

    def build_extension(self, ext):
        """Add OpenMP's arguments to the extension's, and build it."""
        for compile_args, link_args in OPENMP:
            if self._has_openmp(compile_args, link_args):
                ext.extra_compile_args += compile_args
                ext.extra_link_args += link_args
                break
        else:
            self.announce("without OpenMP the engine computes with one thread", level=3)
        super().build_extension(ext)

    def _has_openmp(self, compile_args, link_args):
        """Return whether a program with OpenMP can be built so."""
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "openmp.c")
            with open(source, "w") as file:
                file.write(
                    "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
                )
            try:
                objects = self.compiler.compile([source], folder, extra_postargs=compile_args)
                self.compiler.link_executable(objects, "openmp", folder, extra_postargs=link_args)
            except (CompileError, LinkError):
                return False
            return True


setuptools.setup(
    cmdclass={"build_ext": BuildKernels},
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
            ],
            optional=True,
            py_limited_api=True,
        )
    ],
)
