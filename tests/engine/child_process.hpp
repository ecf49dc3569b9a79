// Runs part of a test in a forked process with its own environment, and keeps its output.
#pragma once

#include "sanitized.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace engine_test {

/// Whether a child of a process with threads may start threads: the thread sanitizer's runtime ends
/// it ("starting new threads after multi-threaded fork is not supported").
inline constexpr bool child_may_start_threads = !is_thread_sanitized;
/// Whether a child forked from a process with threads may start some. At fork() clang 14's address
/// sanitizer may leave its allocator locked in the child, which then hangs.
inline constexpr bool child_of_threads_may_start_threads = !is_sanitized;

/// A folder that is removed with its contents.
class folder {
 public:
    folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "joulery-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string path(const std::string& name) const { return path_ + '/' + name; }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ostringstream all;
        all << std::ifstream(path(name)).rdbuf();
        return all.str();
    }

 private:
    std::string path_;
};

/// In the child: a failed check ends the process with a line on stderr.
inline void must(bool so, const char* what) {
    if (so) return;
    std::fprintf(stderr, "NOT SO: %s\n", what);
    ::_exit(99);
}

struct child_result {
    int exit_code = -1;  ///< 128 + n: ended by signal n
    std::string out, err;
};

/// Runs `body` in its own process, which ends by std::exit(0) unless the body ends it otherwise.
inline child_result in_child(
    const std::function<void()>& body,
    const std::vector<std::pair<std::string, std::string>>& variables = {}) {
    const folder outputs;
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        for (const char* name : {"out", "err"}) {
            const int fd = ::open(outputs.path(name).c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
            ::dup2(fd, name[0] == 'o' ? 1 : 2);
            ::close(fd);
        }
        for (const char* name : {"JOULERY", "JOULERY_BACKENDS", "JOULERY_REPORT", "JOULERY_PERIOD",
                                 "JOULERY_REGION", "JOULERY_INTENSITY", "JOULERY_PUE",
                                 "JOULERY_SYSROOT", "JOULERY_CHECKPOINT", "JOULERY_LIVE"})
            ::unsetenv(name);
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
        ::alarm(60);
        body();
        std::exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    child_result r;
    r.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    r.out = outputs.text("out");
    r.err = outputs.text("err");
    return r;
}

}  // namespace engine_test
