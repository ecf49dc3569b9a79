// baseline_file.hpp - the cost of tests in their last accepted runs, in a small JSON file.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/regression.hpp"
#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/shared_file.hpp"
#include "joulery/result.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// One run of a test: joules per call, the standard error of that mean, and the date.
struct baseline_run {
    std::string recorded;
    std::uint64_t calls = 0;
    run_mean mean;
};

/// The cost of one test on one class of machine, for one kind of build, in its last runs.
struct energy_baseline {
    std::string test;
    std::string machine;  ///< processor, channels, devices; other machines have their own baselines
    std::string build;    ///< compiler, optimization, instruction set
    std::vector<baseline_run> runs;  ///< oldest first, at most `most_runs`

    [[nodiscard]] bool is_of(const energy_baseline& e) const noexcept {
        return test == e.test && machine == e.machine && build == e.build;
    }
    [[nodiscard]] std::vector<run_mean> means() const {
        std::vector<run_mean> all;
        for (const baseline_run& r : runs) all.push_back(r.mean);
        return all;
    }
};

inline constexpr std::string_view baseline_schema = "joulery-baselines";
inline constexpr int baseline_schema_version = 1;

/// The file has one line per run, so that version control shows what changed.
[[nodiscard]] inline std::string to_json(const std::vector<energy_baseline>& all) {
    std::string out = "{\"schema\": \"" + std::string(baseline_schema) +
                      "\", \"schema_version\": " + std::to_string(baseline_schema_version) +
                      ",\n \"baselines\": [";
    const char* separator = "\n";
    for (const energy_baseline& e : all) {
        out.append(std::exchange(separator, ",\n")).append("  {\"test\": ");
        append_json_string(out, e.test);
        out += ", \"machine\": ";
        append_json_string(out, e.machine);
        out += ", \"build\": ";
        append_json_string(out, e.build);
        out += ",\n   \"runs\": [";
        const char* next = "\n";
        for (const baseline_run& r : e.runs) {
            out.append(std::exchange(next, ",\n")).append("    {\"recorded\": ");
            append_json_string(out, r.recorded);
            out += ", \"calls\": ";
            append_number(out, r.calls);
            out += ", \"joules_per_call\": ";
            append_json_number(out, r.mean.joules);
            out += ", \"standard_error\": ";
            append_json_number(out, r.mean.standard_error);
            out += "}";
        }
        out += "]}";
    }
    return out + "\n ]}\n";
}

namespace detail {

inline bool take_text(const json_value& from, std::string_view name, std::string& out) {
    const json_value* v = from.find(name);
    if (v == nullptr || v->kind != json_value::type::string) return false;
    out = v->text;
    return true;
}

inline bool take_number(const json_value& from, std::string_view name, double& out) {
    const json_value* v = from.find(name);
    return v != nullptr && v->kind == json_value::type::number && parse_number(v->text, out);
}

inline bool take_run(const json_value& from, baseline_run& out) {
    if (from.kind != json_value::type::object) return false;
    (void)take_text(from, "recorded", out.recorded);
    double calls = 0;
    (void)take_number(from, "calls", calls);
    out.calls = calls >= 0 && calls < 1e18 ? static_cast<std::uint64_t>(calls) : 0;
    return take_number(from, "joules_per_call", out.mean.joules) &&
           take_number(from, "standard_error", out.mean.standard_error) &&
           out.mean.standard_error >= 0;
}

/// What is wrong with this entry; empty if nothing.
inline std::string take_baseline(const json_value& from, energy_baseline& out) {
    if (from.kind != json_value::type::object) return "is not an object";
    if (!take_text(from, "test", out.test) || !take_text(from, "machine", out.machine) ||
        !take_text(from, "build", out.build))
        return "needs test, machine and build, all strings";
    const json_value* runs = from.find("runs");
    if (runs == nullptr || runs->kind != json_value::type::array || runs->elements.empty())
        return "needs runs, a non-empty array";
    for (const json_value& v : runs->elements) {
        baseline_run r;
        if (!take_run(v, r))
            return "has a run without joules_per_call and standard_error, both numbers";
        out.runs.push_back(std::move(r));
    }
    return {};
}

inline constexpr const char* baseline_remedy =
    "put the file back from version control, or delete it and record it again with "
    "JOULERY_BASELINE=record";

}  // namespace detail

/// Reads what `to_json` wrote, also after editing by hand. Names the entry that can't be parsed.
[[nodiscard]] inline result<std::vector<energy_baseline>> parse_baselines(std::string_view text) {
    result<json_value> root = parse_json(text);
    if (!root) return failure{root.error().reason, detail::baseline_remedy};
    std::string schema;
    double version = 0;
    const json_value* stated = root->find("schema_version");
    if (!detail::take_text(*root, "schema", schema) || schema != baseline_schema ||
        stated == nullptr || !parse_number(stated->text, version))
        return failure{
            "not a file of energy baselines: \"schema\": \"joulery-baselines\" and "
            "\"schema_version\" are missing",
            detail::baseline_remedy};
    if (version > baseline_schema_version)
        return failure{"written by a newer joulery (schema version " + stated->text +
                           ", this one knows " + std::to_string(baseline_schema_version) + ")",
                       "update joulery, or record it again in another file: JOULERY_BASELINE_FILE"};
    const json_value* list = root->find("baselines");
    if (list == nullptr || list->kind != json_value::type::array)
        return failure{"\"baselines\" is not an array", detail::baseline_remedy};
    std::vector<energy_baseline> all;
    for (const json_value& entry : list->elements) {
        energy_baseline e;
        std::string wrong = detail::take_baseline(entry, e);
        for (const energy_baseline& other : all)
            if (wrong.empty() && other.is_of(e)) wrong = "appears twice";
        if (!wrong.empty())
            return failure{"baseline " + std::to_string(all.size() + 1) +
                               (e.test.empty() ? "" : " (" + e.test + ")") + " at byte " +
                               std::to_string(entry.offset) + " " + wrong,
                           detail::baseline_remedy};
        all.push_back(std::move(e));
    }
    return all;
}

/// The baselines of a file; none if the file does not exist.
[[nodiscard]] inline result<std::vector<energy_baseline>> read_baselines(const std::string& path) {
    std::FILE* file = joulery::detail::open_stream(path, "rb");
    if (file == nullptr) {
        if (errno == ENOENT) return std::vector<energy_baseline>();
        return failure{path + ": " + std::strerror(errno), "let this user read it"};
    }
    std::string text;
    char block[4096];
    for (std::size_t n = 0; (n = std::fread(block, 1, sizeof block, file)) > 0;)
        text.append(block, n);
    std::fclose(file);
    auto all = parse_baselines(text);
    if (!all) return failure{path + ": " + all.error().reason, all.error().remedy};
    return all;
}

/// Adds the one run of `e` to its baseline in the file, which keeps the last `most_runs`; with
/// `begin_anew` earlier runs are dropped. Two processes that do this at the same time wait for each
/// other (a lock on "<path>.lock"), and readers never see half a file. Returns the number of bytes.
///
/// Fails:  an existing file that can't be parsed is left unchanged.
inline result<std::size_t> add_run(const std::string& path, const energy_baseline& e,
                                   bool begin_anew) {
#if JOULERY_POSIX()
    const v1::detail::locked_file lock(path + ".lock");
    if (lock.error() != 0)
        return failure{"baseline not recorded in " + path + ": " + std::strerror(lock.error()),
                       "name a file in a folder that you may write to: JOULERY_BASELINE_FILE"};
#endif
    auto all = read_baselines(path);
    if (!all) return all.error();
    energy_baseline* old = nullptr;
    for (energy_baseline& b : *all)
        if (b.is_of(e)) old = &b;
    if (old == nullptr) {
        all->push_back(e);
    } else if (begin_anew) {
        *old = e;
    } else {
        old->runs.insert(old->runs.end(), e.runs.begin(), e.runs.end());
        if (old->runs.size() > most_runs)
            old->runs.erase(old->runs.begin(),
                            old->runs.end() - static_cast<std::ptrdiff_t>(most_runs));
    }
    auto written = replace_file(path, to_json(*all));
    if (!written)
        return failure{"baseline not recorded: " + written.error().reason, written.error().remedy};
    return written;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
