// check_log.hpp - all energy checks of a program: counted, summarized, written to a file.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/build_key.hpp"
#include "joulery/assertions/claim.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/units.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace testing {

/// The number of checks with each verdict.
struct check_counts {
    unsigned held = 0, failed = 0, inconclusive = 0, skipped = 0;

    void add(verdict v) noexcept {
        unsigned* const counts[] = {&held, &failed, &inconclusive, &skipped};
        ++*counts[static_cast<unsigned>(v)];
    }
    [[nodiscard]] unsigned all() const noexcept { return held + failed + inconclusive + skipped; }
};

/// A check as written in the source: its claim, its file and line.
struct check_site {
    const char* claim;
    const char* file;
    int line;
};

namespace detail {

[[nodiscard]] inline std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}
[[nodiscard]] inline std::string variable(const char* name) {
    const char* value = joulery::detail::environment_variable(name);
    return value != nullptr ? value : "";
}

/// A check as a line of JSON, for `JOULERY_ENERGY_RESULTS`.
[[nodiscard]] inline std::string to_json_line(const check_result& r, verdict v,
                                              const check_site& at) {
    std::string out = "{\"schema\": \"joulery-checks\", \"schema_version\": 1";
    const auto text = [&out](const char* name, std::string_view value) {
        out.append(", \"").append(name).append("\": ");
        append_json_string(out, value);
    };
    const auto number = [&out](const char* name, double value) {
        out.append(", \"").append(name).append("\": ");
        append_json_number(out, value);
    };
    text("time", wall_time::now().to_iso8601());
    text("name", r.name.empty() ? at.claim : r.name);
    text("check", at.claim);
    text("file", at.file);
    number("line", at.line);
    text("verdict", to_text(v));
    if (!r.unit.empty()) {
        number("value", r.value.middle);
        number("low", r.value.low);
        number("high", r.value.high);
        text("unit", r.unit);
    }
    text("message", r.message);
    if (const std::string commit = variable("GITHUB_SHA"); !commit.empty()) text("commit", commit);
    return out + "}\n";
}

/// Text inside GitHub's workflow commands (docs.github.com, "Workflow commands").
[[nodiscard]] inline std::string github_text(std::string_view text, bool is_property = false) {
    std::string out;
    for (const char c : text) {
        const bool escaped =
            c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ','));
        char code[4];
        std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(c) & 0xffu);
        escaped ? out.append(code) : out.append(1, c);
    }
    return out;
}

/// "::error file=tests/conv.cpp,line=7,title=energy check fails::..."; empty if the check holds or
/// is skipped.
[[nodiscard]] inline std::string github_annotation(const check_result& r, verdict v,
                                                   const check_site& at,
                                                   const std::string& workspace) {
    if (v == verdict::holds || v == verdict::skipped) return {};
    std::string_view file = at.file;
    if (!workspace.empty() && file.substr(0, workspace.size()) == workspace)
        file.remove_prefix(workspace.size() + (file.size() > workspace.size() ? 1 : 0));
    return std::string(v == verdict::fails ? "::error" : "::warning") +
           " file=" + github_text(file, true) + ",line=" + std::to_string(at.line) +
           ",title=energy check " + std::string(to_text(v)) +
           "::" + github_text(std::string(at.claim) + ": " + r.message) + "\n";
}

}  // namespace detail

/// All checks of this program. At exit it prints one line on stderr: "energy: 12 held, 0 failed, 2
/// inconclusive, 3 skipped: no energy counter can be read".
///
/// `JOULERY_ENERGY_RESULTS=energy.jsonl` appends each check to that file as a line of JSON; all
/// programs of a test run may share the file. If `GITHUB_ACTIONS` is set, failed and inconclusive
/// checks become annotations of their lines (on stderr, which GitHub reads as well: stdout may be a
/// report).
///
/// Thread: any.
class check_log {
 public:
    check_log() = default;
    check_log(const check_log&) = delete;
    check_log& operator=(const check_log&) = delete;
    ~check_log() {
        if (counts_.all() == 0 || !is_this_process()) return;
        const std::string text = summary();
        std::fprintf(stderr, "%s\n", text.c_str());
        if (counts_.skipped > 0 && !detail::variable("GITHUB_ACTIONS").empty())
            std::fprintf(stderr, "::notice title=energy checks::%s\n",
                         detail::github_text(text).c_str());
    }

    void add(const check_result& r, verdict v, const check_site& at) {
        const std::lock_guard<std::mutex> lock(mutex_);
        counts_.add(v);
        if (v == verdict::skipped) note_skip(detail::first_line(r.message));
        if (!detail::variable("GITHUB_ACTIONS").empty()) {
            const std::string text =
                detail::github_annotation(r, v, at, detail::variable("GITHUB_WORKSPACE"));
            std::fputs(text.c_str(), stderr);
        }
        if (const std::string path = detail::variable("JOULERY_ENERGY_RESULTS"); !path.empty())
            append(path, detail::to_json_line(r, v, at));
    }
    [[nodiscard]] check_counts counts() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return counts_;
    }
    [[nodiscard]] std::string summary() const {
        const check_counts c = counts();
        std::string text = "energy: " + std::to_string(c.held) + " held, " +
                           std::to_string(c.failed) + " failed, " + std::to_string(c.inconclusive) +
                           " inconclusive, " + std::to_string(c.skipped) + " skipped";
        if (c.skipped > 0) text += ": " + reason_ + (several_ ? "; and other reasons" : "");
        return text;
    }

    /// Created at the first check.
    [[nodiscard]] static check_log& of_this_program() {
        static check_log only;
        return only;
    }

 private:
    void note_skip(std::string why) {
        constexpr std::string_view known = "not measured: ";
        if (why.compare(0, known.size(), known) == 0) why.erase(0, known.size());
        several_ = several_ || (!reason_.empty() && why != reason_);
        if (reason_.empty()) reason_ = std::move(why);
    }
    // Written as one line, at the end, because other programs may write at the same time.
    void append(const std::string& path, const std::string& line) {
        bool done = false;
#if JOULERY_POSIX()
        const int fd =
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode_t{0666});
        done =
            fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
        if (fd >= 0) ::close(fd);
#else
        if (std::FILE* file = joulery::detail::open_stream(path, "ab")) {
            done = std::fwrite(line.data(), 1, line.size(), file) == line.size();
            std::fclose(file);
        }
#endif
        if (!done && !std::exchange(complained_, true))
            std::fprintf(stderr, "joulery: energy results not written to %s\n", path.c_str());
    }
#if JOULERY_POSIX()
    [[nodiscard]] bool is_this_process() const noexcept { return pid_ == ::getpid(); }
    const ::pid_t pid_ = ::getpid();
#else
    [[nodiscard]] bool is_this_process() const noexcept { return true; }
#endif

    mutable std::mutex mutex_;
    check_counts counts_;
    std::string reason_;
    bool several_ = false;
    bool complained_ = false;
};

/// For `main` without a test framework: 1 if a check failed, 77 if all were skipped (ctest's
/// SKIP_RETURN_CODE, automake's convention), else 0.
///
///     int main() { JOULERY_CHECK_ENERGY(m, < 2_mJ);  return joulery::testing::exit_code(); }
[[nodiscard]] inline int exit_code() {
    const check_counts c = check_log::of_this_program().counts();
    if (c.failed > 0) return 1;
    return c.all() > 0 && c.skipped == c.all() ? 77 : 0;
}

namespace detail {

/// The result that is passed to a test framework.
struct final_check {
    verdict outcome;
    std::string text;
};

/// Decides how a result counts, and logs it. `sanitizer` is that of the calling file.
[[nodiscard]] inline final_check conclude(check_result r, const check_site& at,
                                          std::string_view sanitizer) {
    if (const std::string watcher = instrumentation(sanitizer); !watcher.empty())
        r = {verdict::skipped,
             "not measured: the program runs under " + watcher +
                 ", so its energy is not that of the code\n  to do: check energy in "
                 "an ordinary build"};
    const verdict v = judged(r.outcome, strictness_asked_for());
    check_log::of_this_program().add(r, v, at);
    std::string text = std::string("energy check ") + at.claim + ": " + std::string(to_text(v));
    if (v != r.outcome) text += ": " + std::string(to_text(r.outcome));  // strict
    return {v, text + ": " + r.message};
}

/// Prints the result; used without a test framework.
inline void tell_plainly(const final_check& c, const check_site& at) {
    std::fprintf(c.outcome == verdict::holds ? stdout : stderr, "%s:%d: %s\n", at.file, at.line,
                 c.text.c_str());
}

}  // namespace detail

}  // namespace testing
}  // namespace v1
}  // namespace joulery
