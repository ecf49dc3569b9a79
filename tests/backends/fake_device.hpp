// A device node made of functions.
#pragma once

#include "joulery/detail/backends/common/device_files.hpp"

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

/// Answers device_calls; calls that a test does not set are refused.
struct fake_device {
    std::function<int(const std::string&)> on_open = [](const std::string&) { return 0; };
    std::function<int(unsigned long, void*)> on_control;
    std::function<std::ptrdiff_t(void*, std::size_t, std::uint64_t)> on_read;
    std::function<int()> on_wait = [] { return 1; };
    std::vector<std::string> opened;
    int closed = 0;

    joulery::device_calls calls() {
        joulery::device_calls c;
        c.context = this;
        c.open = [](void* me, const char* path, bool) {
            auto& self = *static_cast<fake_device*>(me);
            const int error = self.on_open(path);
            if (error != 0) return -error;
            self.opened.emplace_back(path);
            return static_cast<int>(self.opened.size()) - 1;
        };
        c.control = [](void* me, int fd, unsigned long request, void* argument) {
            auto& self = *static_cast<fake_device*>(me);
            self.current = static_cast<std::size_t>(fd);
            return self.on_control ? self.on_control(request, argument) : -ENOTTY;
        };
        c.read_at = [](void* me, int fd, void* into, std::size_t room, std::uint64_t offset) {
            auto& self = *static_cast<fake_device*>(me);
            self.current = static_cast<std::size_t>(fd);
            return self.on_read ? self.on_read(into, room, offset) : std::ptrdiff_t{-EIO};
        };
        c.wait_readable = [](void* me, int, int) {
            return static_cast<fake_device*>(me)->on_wait();
        };
        c.close = [](void* me, int) { ++static_cast<fake_device*>(me)->closed; };
        return c;
    }
    std::size_t current = 0;  ///< of the current call
};
