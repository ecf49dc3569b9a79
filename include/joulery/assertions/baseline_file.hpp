// baseline_file.hpp - what tests cost when they were last accepted, in a small JSON
// file. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/detail/core/json_text.hpp"
#include "joulery/detail/core/json_value.hpp"
#include "joulery/detail/core/locked_file.hpp"
#include "joulery/detail/core/number_text.hpp"
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

/// What one test cost on one class of machine, built one way.
struct energy_baseline {
    std::string test;
    std::string machine;  ///< processor, channels, devices: other machines have their own
    std::string build;    ///< compiler and optimisation
    std::string recorded;
    std::uint64_t calls = 0;
    std::vector<double> joules_per_call;  ///< a value a batch

    [[nodiscard]] bool is_of(const energy_baseline& e) const noexcept {
        return test == e.test && machine == e.machine && build == e.build;
    }
};

inline constexpr std::string_view baseline_schema = "joulery-baselines";
inline constexpr int baseline_schema_version = 1;

/// The file, a line a baseline, so that version control shows what changed.
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
        out += ",\n   \"recorded\": ";
        append_json_string(out, e.recorded);
        out += ", \"calls\": ";
        append_number(out, e.calls);
        out += ",\n   \"joules_per_call\": [";
        for (std::size_t i = 0; i < e.joules_per_call.size(); ++i) {
            if (i > 0) out += ", ";
            append_json_number(out, e.joules_per_call[i]);
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

/// Empty, or what is wrong with this entry.
inline std::string take_baseline(const json_value& from, energy_baseline& out) {
    if (from.kind != json_value::type::object) return "is not an object";
    if (!take_text(from, "test", out.test) || !take_text(from, "machine", out.machine) ||
        !take_text(from, "build", out.build))
        return "needs test, machine and build, each a text";
    (void)take_text(from, "recorded", out.recorded);
    double calls = 0;
    if (const json_value* v = from.find("calls"); v != nullptr && parse_number(v->text, calls))
        out.calls = calls >= 0 && calls < 1e18 ? static_cast<std::uint64_t>(calls) : 0;
    const json_value* samples = from.find("joules_per_call");
    if (samples == nullptr || samples->kind != json_value::type::array ||
        samples->elements.size() < 2)
        return "needs joules_per_call, an array of at least two numbers";
    for (const json_value& v : samples->elements) {
        double joules = 0;
        if (v.kind != json_value::type::number || !parse_number(v.text, joules))
            return "has something in joules_per_call that is no number";
        out.joules_per_call.push_back(joules);
    }
    return {};
}

inline constexpr const char* baseline_remedy =
    "put the file back from version control, or delete it and record anew with "
    "JOULERY_BASELINE=record";

}  // namespace detail

/// Reads what `to_json` wrote, or a hand made of it. Names the entry that can't be understood.
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
                       "update joulery, or record anew in another file: JOULERY_BASELINE_FILE"};
    const json_value* list = root->find("baselines");
    if (list == nullptr || list->kind != json_value::type::array)
        return failure{"\"baselines\" is not an array", detail::baseline_remedy};
    std::vector<energy_baseline> all;
    for (const json_value& entry : list->elements) {
        energy_baseline e;
        std::string wrong = detail::take_baseline(entry, e);
        for (const energy_baseline& other : all)
            if (wrong.empty() && other.is_of(e)) wrong = "is there twice";
        if (!wrong.empty())
            return failure{"baseline " + std::to_string(all.size() + 1) +
                               (e.test.empty() ? "" : " (" + e.test + ")") + " at byte " +
                               std::to_string(entry.offset) + " " + wrong,
                           detail::baseline_remedy};
        all.push_back(std::move(e));
    }
    return all;
}

/// A file's baselines; none where there is no such file.
[[nodiscard]] inline result<std::vector<energy_baseline>> read_baselines(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
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

/// Puts `e` in the file in place of an older one. Two processes that do so at once wait for each
/// other (a lock on "<path>.lock"), and readers never see half a file. Returns the number of bytes.
///
/// Fails: a file that is there and can't be understood is left as it is.
inline result<std::size_t> put_baseline(const std::string& path, const energy_baseline& e) {
#if JOULERY_POSIX()
    const v1::detail::locked_file lock(path + ".lock");
    if (lock.error() != 0)
        return failure{"baseline not recorded in " + path + ": " + std::strerror(lock.error()),
                       "name a file in a folder that you may write to: JOULERY_BASELINE_FILE"};
#endif
    auto all = read_baselines(path);
    if (!all) return all.error();
    bool replaced = false;
    for (energy_baseline& old : *all) {
        if (!old.is_of(e)) continue;
        old = e;
        replaced = true;
    }
    if (!replaced) all->push_back(e);
    auto written = replace_file(path, to_json(*all));
    if (!written)
        return failure{"baseline not recorded: " + written.error().reason, written.error().remedy};
    return written;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
