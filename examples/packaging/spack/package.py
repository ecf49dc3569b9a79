# Unverified: written to Spack's documentation and never run.
from spack.package import *


class Joulery(CMakePackage):
    """What every phase of a program costs in joules and CO2e."""

    license("MIT")
    version("main", branch="main")
    depends_on("cxx", type="build")

    def cmake_args(self):
        return [self.define("JOULERY_BUILD_TESTS", False),
                self.define("JOULERY_BUILD_EXAMPLES", False)]
