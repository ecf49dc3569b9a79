// report_files.hpp - where a run's reports go, without overwriting those of other runs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/shared_file.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/report/intervals.hpp"
#include "joulery/detail/report/write.hpp"
#include "joulery/detail/session/machine_info.hpp"
#include "joulery/report.hpp"
#include "joulery/report_io.hpp"
#include "joulery/units.hpp"
#include "joulery/writers/json_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The placeholders in names of report files: %p, %h and %r.
struct run_names {
    std::string process, host, run;

    [[nodiscard]] static run_names of(const std::string& run_name) {
        const machine_info m = describe_machine();
        run_names names;
        names.process = std::to_string(m.process_id);
        names.host = as_file_name(m.host.empty() ? "host" : m.host);
        names.run = as_file_name((run_name.empty() ? "" : run_name + "-") +
                                 wall_time::now().to_iso8601() + "-" + names.process);
        return names;
    }

    /// `name` with process, host and run filled in; "%%" is a percent sign.
    [[nodiscard]] std::string fill(std::string_view name) const {
        std::string out;
        for (std::size_t i = 0; i < name.size(); ++i) {
            const char next = name[i] == '%' && i + 1 < name.size() ? name[i + 1] : '\0';
            const std::string* text = next == 'p'   ? &process
                                      : next == 'h' ? &host
                                      : next == 'r' ? &run
                                                    : nullptr;
            if (text != nullptr) out += *text;
            if (text == nullptr) out += name[i];
            if (text != nullptr || next == '%') ++i;
        }
        return out;
    }

 private:
    static std::string as_file_name(std::string text) {
        for (char& c : text) {
            const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
            if (!good) c = '-';
        }
        return text;
    }
};

/// The targets of a run's reports. A file that another running process writes to is left alone:
/// this run adds its process id to the name, and both reports say so.
///
/// Thread: one at a time, except that `append_line` and `write_checkpoint` may overlap.
///
///     report_files files({"-", "run.json"}, run_names::of("resnet"));
///     files.write_checkpoint(meter.snapshot());
class report_files {
 public:
    report_files(const std::vector<std::string>& targets, const run_names& names) {
        for (const std::string& target : targets) {
            const std::string path = names.fill(target);
            const std::string at = from_here(path);
            const bool known = any_in(targets_, [&](const auto& t) { return t.asked_at == at; });
            if (!known) targets_.push_back(reserve_target(path, names));
        }
    }

    /// Notes to print at the start: files that got another name than requested.
    [[nodiscard]] std::vector<std::string> notes() const {
        std::vector<std::string> all;
        for (const report_target& t : targets_)
            if (t.path != t.asked_for) all.push_back(note_of(t));
        return all;
    }

    /// Errors of targets with an unknown format. Reported at the start of the run, and not hours
    /// later at its end.
    [[nodiscard]] std::vector<std::string> unusable_targets() const {
        std::vector<std::string> all;
        for (const report_target& t : targets_)
            if (const status known = find_writer(t.path); !known) all.push_back(text_of(known));
        return all;
    }

    /// Whether some file gets a line per interval.
    [[nodiscard]] bool has_lines() const noexcept { return any_in(targets_, gets_lines); }

    /// Appends a line: an interval ended with this report. Returns failures, each file's first.
    std::vector<std::string> append_line(report so_far) {
        append_lines(std::move(so_far), false);
        std::vector<std::string> failures;
        for (report_target& t : targets_)
            if (gets_lines(t) && t.failed != 0)
                add_first(failures, t, write_failure(t.at, t.failed));
        return failures;
    }

    /// Whether some file is updated during the run.
    [[nodiscard]] bool has_files() const noexcept { return any_in(targets_, is_kept_up_to_date); }

    /// The processor time that checkpoints have taken so far; part of the cost of measuring.
    void set_cost(seconds all) noexcept { checkpoints_cost_ = all; }

    /// Writes the files as if the run ended now, with a note that it continues. Returns failures,
    /// each file's first: a run that is killed says nothing at its end.
    std::vector<std::string> write_checkpoint(report r) {
        r.warnings.insert(r.warnings.begin(), "still running as of " +
                                                  wall_time::now().to_iso8601() +
                                                  ": the run had not ended when this was written");
        complete(r);
        std::vector<std::string> failures;
        for (report_target& t : targets_) {
            if (!is_kept_up_to_date(t)) continue;
            if (const status done = write(r, t); !done) add_first(failures, t, done);
        }
        return failures;
    }

    /// Writes the final reports. Calls `say` with each one that could not be written and why; the
    /// table then goes to stderr instead.
    template <class Say>
    void write_last(report r, Say say) {
        append_lines(r, true);
        complete(r);
        const std::vector<std::string> others = others_beside();
        add(r.warnings, others);
        for (const std::string& note : others) say(note);
        bool has_table = any_in(targets_, [](const report_target& t) { return t.path == "-"; });
        for (report_target& t : targets_) {
            const status done = write(r, t);
            if (done) continue;
            say(text_of(done));
            if (!std::exchange(has_table, true)) (void)write_report(r, "-");
        }
        targets_.clear();
    }

    /// In a forked child: the files belong to the parent.
    void abandon() noexcept {
        for (report_target& t : targets_) t.file.release();
    }

 private:
    struct report_target {
        std::string asked_for, path;  ///< as they were named
        std::string asked_at, at;     ///< the same from the root: a program may change its folder
        const report_format* format = nullptr;  ///< null: the table, or an unknown ending
        reserved_file file;
        int failed = 0;  ///< errno of the last line that could not be appended
        bool failure_is_said = false;
    };
    static constexpr std::string_view taken = " is in use by another run";

    static report_target reserve_target(const std::string& path, const run_names& names) {
        report_target t;
        t.asked_for = t.path = path;
        t.asked_at = t.at = from_here(path);
        t.format = path == "-" ? nullptr : find_format(path);
        // The writer is not part of the program: `write_report` reports it at the end.
        if (t.format != nullptr && t.format->write == nullptr) t.format = nullptr;
        if (t.format == nullptr || t.file.reserve(t.at)) return t;
        // Process ids can coincide in containers and across a cluster.
        for (const std::string& suffix :
             {names.process, names.host + "." + names.process, names.run}) {
            t.path = stem_of(t) + "." + suffix + std::string(t.format->ending);
            t.at = from_here(t.path);
            if (t.file.reserve(t.at)) break;
        }
        return t;
    }
    static std::string stem_of(const report_target& t) {
        return t.asked_for.substr(0, t.asked_for.size() - t.format->ending.size());
    }

    static std::string note_of(const report_target& t) {
        return t.asked_for + std::string(taken) + "; this run's report is in " + t.path;
    }

    static bool is_kept_up_to_date(const report_target& t) noexcept {
        return t.format != nullptr && !gets_lines(t) && !is_special_file(t.at);
    }
    static bool gets_lines(const report_target& t) noexcept {
        return t.format != nullptr && t.format->ending == ".jsonl";
    }

    void append_lines(report so_far, bool is_last) {
        if (!has_lines()) return;
        const std::string line = to_json_line(intervals_.next(std::move(so_far), is_last));
        for (report_target& t : targets_)
            if (gets_lines(t)) t.failed = append_to_file(t.at, line);
    }

    void complete(report& r) const {
        add(r.warnings, notes());
        self_cost& cost = r.overhead;
        const double before = (cost.sampler + cost.edges).count();
        if (!(before > 0)) return;
        const double more = 1 + checkpoints_cost_.count() / before;
        cost.sampler += checkpoints_cost_;
        cost.share_of_wall *= more;
        cost.share_of_cpu *= more;
        cost.joules = cost.joules * more;
    }

    static void add(std::vector<std::string>& to, const std::vector<std::string>& more) {
        to.insert(to.end(), more.begin(), more.end());
    }

    static status write(const report& r, report_target& t) {
        if (t.format == nullptr) return write_report(r, t.path);
        if (gets_lines(t)) return t.failed == 0 ? status() : status(write_failure(t.at, t.failed));
        const int error = t.file.replace(t.at, t.format->write(r));
        return error == 0 ? status() : status(write_failure(t.at, error));
    }
    static std::string text_of(const status& failed) {
        const failure& f = failed.error();
        return f.remedy.empty() ? f.reason : f.reason + "; " + f.remedy;
    }
    static void add_first(std::vector<std::string>& to, report_target& t, const status& failed) {
        if (!std::exchange(t.failure_is_said, true))
            to.push_back(text_of(failed) + " (tried again until the run ends)");
    }

    // Reports of other runs that were meant for this run's file while this run had it.
    [[nodiscard]] std::vector<std::string> others_beside() const {
        std::vector<std::string> notes;
        for (const report_target& t : targets_) {
            if (t.format == nullptr || t.path != t.asked_for) continue;
            const std::vector<std::string> others = names_beside(t);
            constexpr std::size_t shown = 3;  // a server may have forked thousands
            const std::string begin = t.path + " was requested by another run at the same time; ";
            for (std::size_t i = 0; i < others.size() && i < shown; ++i)
                notes.push_back(begin + "its report is in " + folder_of(t.path) + "/" + others[i]);
            if (others.size() > shown)
                notes.push_back(t.path + " was requested by " +
                                std::to_string(others.size() - shown) +
                                " more runs at the same time; their reports are beside it");
        }
        return notes;
    }
    [[nodiscard]] std::vector<std::string> names_beside(const report_target& t) const {
        std::vector<std::string> names;
        const std::string folder = folder_of(t.at) + "/";
        const std::string stem = stem_of(t) + ".";
        const std::size_t slash = stem.rfind('/');
        const std::string begin = slash == std::string::npos ? stem : stem.substr(slash + 1);
        for (const std::string& name : system_root().list(folder)) {
            const bool fits = name.size() > begin.size() + t.format->ending.size() &&
                              name.compare(0, begin.size(), begin) == 0 &&
                              find_format(name) == t.format;
            if (!fits || !is_written_since(folder + name, started_)) continue;
            if (is_reserved(folder + name) || was_redirected(folder + name)) names.push_back(name);
        }
        return names;
    }
    // Formats without warnings (CSV, metrics) don't record it once their process has ended.
    static bool was_redirected(const std::string& path) {
        std::string text;
        for (const char c : system_root().text(path, 1 << 20))  // tables wrap their lines
            if (!is_blank(c))
                text += c;
            else if (text.empty() || text.back() != ' ')
                text += ' ';
        return text.find(taken) != std::string::npos;
    }
    static bool is_blank(char c) noexcept { return c == ' ' || c == '\n' || c == '\r'; }

    list<report_target> targets_;
    interval_maker intervals_;
    std::time_t started_ = std::time(nullptr);
    seconds checkpoints_cost_{0};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
