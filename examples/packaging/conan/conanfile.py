# Unverified: written to Conan 2's documentation and never run.
from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout


class Joulery(ConanFile):
    name = "joulery"
    version = "0.1.0"
    license = "MIT"
    description = "What every phase of a program costs in joules and CO2e"
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "CMakeLists.txt", "LICENSE", "include/*"
    generators = "CMakeDeps", "CMakeToolchain"

    def layout(self):
        cmake_layout(self)

    def package(self):
        cmake = CMake(self)
        cmake.configure({"JOULERY_BUILD_TESTS": "OFF", "JOULERY_BUILD_EXAMPLES": "OFF"})
        cmake.install()

    def package_id(self):
        self.info.clear()

    def package_info(self):
        # The package's own CMake files define joulery::joulery, which compiles the bodies.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["share/cmake/joulery"]
