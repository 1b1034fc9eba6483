"""keel for Conan 2. From the root of the repository: conan create packaging/conan --build=missing"""
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load


class KeelConan(ConanFile):
    name = "keel"
    description = "Header-only neural networks on Eigen that give Keras's and PyTorch's numbers"
    license = "MIT"
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_zlib": [True, False]}
    default_options = {"with_zlib": True}
    no_copy_source = True

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, "../../include/keel/version.hpp"))
        numbers = [line.split()[2] for line in text.splitlines() if line.startswith("#define KEEL_VERSION_")]
        self.version = ".".join(numbers)

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../..")
        for pattern in ("include/*", "LICENSE", "THIRD_PARTY.md"):
            copy(self, pattern, root, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/3.4.0")
        if self.options.with_zlib:
            self.requires("zlib/[>=1.2.11 <2]")

    def package_id(self):
        self.info.settings.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "include/*", self.source_folder, self.package_folder)
        for file in ("LICENSE", "THIRD_PARTY.md"):
            copy(self, file, self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.defines = [f"KEEL_HAS_ZLIB={int(bool(self.options.with_zlib))}"]
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
