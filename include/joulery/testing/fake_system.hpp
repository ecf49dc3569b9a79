// fake_system.hpp - a fake machine made of files in a temporary folder.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace testing {

/// A fake machine: a temporary folder used as "/", filled file by file and removed at the end.
/// Every backend that reads files accepts its `root()`.
///
/// Thread: one. Cost: disk. Fails: `ok()` is false if the folder could not be created; writes then
///         do nothing.
///
///     fake_system machine;
///     machine.powercap_zone("intel-rapl:0", "package-0", 1'000'000);
///     auto rapl = open_rapl_powercap(machine.root());
///     machine.file("/sys/class/powercap/intel-rapl:0/energy_uj", "2000000\n");
class fake_system {
 public:
    fake_system() {
        std::error_code failed;
        std::string pattern =
            (std::filesystem::temp_directory_path(failed) / "joulery-fake-XXXXXX").string();
#if JOULERY_POSIX()
        if (!failed && ::mkdtemp(pattern.data()) != nullptr) prefix_ = pattern;
        // Readable by everybody, for tests that drop their privileges.
        if (ok()) chmod("/", 0755);
#endif
    }
    fake_system(const fake_system&) = delete;
    fake_system& operator=(const fake_system&) = delete;
    ~fake_system() {
        std::error_code ignored;
        if (ok()) std::filesystem::remove_all(prefix_, ignored);
    }

    [[nodiscard]] bool ok() const noexcept { return !prefix_.empty(); }
    [[nodiscard]] system_root root() const {
        return system_root::with_libraries(ok() ? prefix_ : "/nonexistent");
    }
    /// The real path of a path on the fake machine.
    [[nodiscard]] std::string path(std::string_view absolute) const {
        return prefix_ + std::string(absolute);
    }

    /// Writes a file, and creates its folders. An existing file is overwritten in place, so that
    /// open descriptors see the new text.
    fake_system& file(std::string_view absolute, std::string_view text) {
        if (!ok()) return *this;
        std::error_code ignored;
        const std::filesystem::path where = path(absolute);
        std::filesystem::create_directories(where.parent_path(), ignored);
        std::ofstream(where, std::ios::binary | std::ios::trunc)
            .write(text.data(), static_cast<std::streamsize>(text.size()));
        return *this;
    }
    fake_system& number(std::string_view absolute, std::uint64_t value) {
        return file(absolute, std::to_string(value) + "\n");
    }
    fake_system& folder(std::string_view absolute) {
        std::error_code ignored;
        if (ok()) std::filesystem::create_directories(path(absolute), ignored);
        return *this;
    }
    /// Creates a symbolic link. A target that begins with "/" is on the fake machine.
    fake_system& symlink(std::string_view target, std::string_view absolute) {
        if (!ok()) return *this;
        std::error_code ignored;
        const std::filesystem::path where = path(absolute);
        std::filesystem::create_directories(where.parent_path(), ignored);
        const bool inside = !target.empty() && target.front() == '/';
        std::filesystem::create_symlink(inside ? path(target) : std::string(target), where,
                                        ignored);
        return *this;
    }
    fake_system& chmod(std::string_view absolute, unsigned mode) {
        std::error_code ignored;
        if (ok())
            std::filesystem::permissions(path(absolute), std::filesystem::perms(mode), ignored);
        return *this;
    }
    /// Removes a file or a folder with its contents. Open descriptors stay readable.
    fake_system& remove(std::string_view absolute) {
        std::error_code ignored;
        if (ok()) std::filesystem::remove_all(path(absolute), ignored);
        return *this;
    }
    /// Removes a file as a driver does when it is unloaded: open descriptors can't be read any
    /// more.
    fake_system& vanish(std::string_view absolute) { return file(absolute, "").remove(absolute); }

    /// A RAPL zone: `zone` is the folder's name ("intel-rapl:0:1"), `name` the kernel's name. The
    /// default range is that of a unit of 61,035 nJ.
    fake_system& powercap_zone(std::string_view zone, std::string_view name,
                               std::uint64_t energy_uj, std::uint64_t range_uj = 262'143'328'850) {
        const std::string folder = powercap(zone);
        file(folder + "/name", std::string(name) + "\n");
        number(folder + "/max_energy_range_uj", range_uj);
        return number(folder + "/energy_uj", energy_uj);
    }
    fake_system& powercap_energy(std::string_view zone, std::uint64_t energy_uj) {
        return number(powercap(zone) + "/energy_uj", energy_uj);
    }
    [[nodiscard]] static std::string powercap(std::string_view zone) {
        return "/sys/class/powercap/" + std::string(zone);
    }

    /// /proc/cpuinfo with `threads` identical processors.
    fake_system& cpuinfo(std::string_view vendor, std::string_view model_name, unsigned family,
                         unsigned model, unsigned threads = 1, std::string_view flags = "fpu tsc",
                         unsigned stepping = 0) {
        std::string text;
        for (unsigned i = 0; i < threads; ++i) {
            text += "processor\t: " + std::to_string(i);
            text += "\nvendor_id\t: " + std::string(vendor);
            text += "\ncpu family\t: " + std::to_string(family);
            text += "\nmodel\t\t: " + std::to_string(model);
            text += "\nmodel name\t: " + std::string(model_name);
            text += "\nstepping\t: " + std::to_string(stepping);
            text += "\nflags\t\t: " + std::string(flags) + "\n\n";
        }
        return file("/proc/cpuinfo", text);
    }

    /// /proc/stat with these ticks (1/100 s), summed over all processors since boot.
    fake_system& proc_stat(std::uint64_t user, std::uint64_t idle, std::uint64_t steal = 0) {
        return file("/proc/stat", "cpu  " + std::to_string(user) + " 0 0 " + std::to_string(idle) +
                                      " 0 0 0 " + std::to_string(steal) +
                                      " 0 0\nintr 0\nbtime 1700000000\n");
    }
    fake_system& cpus_online(std::string_view list) {
        return file("/sys/devices/system/cpu/online", std::string(list) + "\n");
    }

 private:
    std::string prefix_;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
