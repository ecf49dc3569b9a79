// recording.hpp - all readings of a real run, as text.
// SPDX-License-Identifier: MIT
//
// One entry per line, fields separated by tabs; special characters are written %09, %0A, %0D, %25:
//
//     joulery-recording  1
//     backend            rapl-powercap
//     note             no access to intel-rapl:1
//     channel            cpu0/package  cpu  energy_counter  measured  1e-06  262143328850  ...
//     read               100000000     ok   4294967290  -
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

struct recorded_read {
    std::uint64_t at_ns = 0;  ///< since the first read
    read_status status = read_status::ok;
    std::vector<std::uint64_t> values;  ///< one per channel if the status is ok
};

/// Everything that one backend returned in a run.
struct recording {
    std::string backend;
    std::string note;
    std::vector<channel> channels;
    detail::list<recorded_read> reads;
};

namespace detail {

inline constexpr std::string_view recording_head = "joulery-recording\t1";
inline constexpr std::string_view read_status_words[] = {"ok", "retry", "gone", "fatal"};

inline void append_field(std::string& line, std::string_view text) {
    line += '\t';
    for (const char c : text) {
        switch (c) {
            case '\t':
                line += "%09";
                break;
            case '\n':
                line += "%0A";
                break;
            case '\r':
                line += "%0D";
                break;
            case '%':
                line += "%25";
                break;
            default:
                line += c;
        }
    }
}
inline void append_field(std::string& line, double x) {
    line += '\t';
    append_number(line, x);
}
inline void append_field(std::string& line, std::uint64_t n) {
    line += '\t';
    append_number(line, n);
}

inline void append_channel_line(std::string& out, const channel& c) {
    out += "channel";
    append_field(out, c.id);
    append_field(out, to_text(c.part));
    append_field(out, to_text(c.kind));
    append_field(out, to_text(c.provenance));
    append_field(out, c.joules_per_count);
    append_field(out, c.wrap_at);
    append_field(out, static_cast<std::uint64_t>(c.update_period.count()));
    append_field(out, c.parent);
    append_field(out, c.max_watts);
    append_field(out, c.quantum);
    append_field(out, c.relative_error);
    append_field(out, c.device);
    out += '\n';
}

inline void append_read_line(std::string& out, std::uint64_t at_ns, read_status status,
                             counter_span values) {
    out += "read";
    append_field(out, at_ns);
    append_field(out, read_status_words[static_cast<std::size_t>(status) & 3]);
    if (status == read_status::ok) {
        for (const std::uint64_t value : values) {
            if (value == no_value) {
                out += "\t-";
            } else {
                append_field(out, value);
            }
        }
    }
    out += '\n';
}

/// Parses a recording line by line.
class recording_parser {
 public:
    result<recording> parse(std::string_view text) {
        std::size_t number = 0;
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            if (end == std::string_view::npos && number > 0) break;  // truncated inside a line
            const std::string_view line = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            ++number;
            split(line);
            const char* const wrong = number == 1 ? take_head(line) : take();
            if (wrong != nullptr)
                return failure{concat({"line ", number, " of the recording: ", wrong}), {}};
        }
        if (out_.channels.empty()) return failure{"the recording has no channels", {}};
        if (out_.reads.empty()) return failure{"the recording has no reads", {}};
        return std::move(out_);
    }

 private:
    static const char* take_head(std::string_view line) noexcept {
        return line == recording_head ? nullptr : "is not that of a recording of version 1";
    }
    const char* take() {
        const std::string& kind = fields_[0];
        if (kind == "backend" && fields_.size() == 2) {
            out_.backend = fields_[1];
            return nullptr;
        }
        if (kind == "note" && fields_.size() == 2) {
            out_.note = fields_[1];
            return nullptr;
        }
        if (kind == "channel") return take_channel();
        if (kind == "read") return take_read();
        return "is not a known entry";
    }

    const char* take_channel() {
        if (fields_.size() != 13) return "a channel has 12 fields";
        channel c;
        std::uint64_t period = 0;
        c.id = fields_[1];
        c.parent = fields_[8];
        c.device = fields_[12];
        const bool good =
            word(fields_[2], c.part, component::other) &&
            word(fields_[3], c.kind, reading_kind::power_gauge) &&
            word(fields_[4], c.provenance, quality::partial) &&
            parse_number(fields_[5], c.joules_per_count) && parse_unsigned(fields_[6], c.wrap_at) &&
            parse_unsigned(fields_[7], period) && parse_number(fields_[9], c.max_watts) &&
            parse_number(fields_[10], c.quantum) && parse_number(fields_[11], c.relative_error);
        if (!good || !is_positive(c.joules_per_count) || period == 0 ||
            period > 1'000'000'000'000'000)
            return "a field of the channel can't be understood";
        if (!out_.reads.empty()) return "a channel after the first read";
        c.update_period = std::chrono::nanoseconds(static_cast<std::int64_t>(period));
        out_.channels.push_back(std::move(c));
        return nullptr;
    }

    const char* take_read() {
        recorded_read r;
        if (fields_.size() < 3 || !parse_unsigned(fields_[1], r.at_ns)) return "a read has a time";
        if (!out_.reads.empty() && r.at_ns < out_.reads.back().at_ns) return "time goes backwards";
        std::size_t status = 0;
        while (status < 4 && fields_[2] != read_status_words[status]) ++status;
        if (status == 4) return "the read's status is ok, retry, gone or fatal";
        r.status = static_cast<read_status>(status);
        for (std::size_t i = 3; i < fields_.size(); ++i) {
            std::uint64_t value = no_value;
            if (fields_[i] != "-" && !parse_unsigned(fields_[i], value)) return "not a number";
            r.values.push_back(value);
        }
        if (r.values.size() != (r.status == read_status::ok ? out_.channels.size() : 0))
            return "a good read has one value a channel, another none";
        out_.reads.push_back(std::move(r));
        return nullptr;
    }

    template <class Enum>
    static bool word(std::string_view text, Enum& value, Enum last) noexcept {
        for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
            value = static_cast<Enum>(i);
            if (to_text(value) == text) return true;
        }
        return false;
    }

    void split(std::string_view line) {
        fields_.assign(1, {});
        for (std::size_t i = 0; i < line.size(); ++i) {
            if (line[i] == '\t') {
                fields_.emplace_back();
            } else if (line[i] == '%' && i + 2 < line.size() &&
                       unescaped(line.substr(i + 1, 2)) != '\0') {
                fields_.back() += unescaped(line.substr(i + 1, 2));
                i += 2;
            } else {
                fields_.back() += line[i];
            }
        }
    }
    static char unescaped(std::string_view code) noexcept {
        return code == "09"   ? '\t'
               : code == "0A" ? '\n'
               : code == "0D" ? '\r'
               : code == "25" ? '%'
                              : '\0';
    }

    recording out_;
    std::vector<std::string> fields_;
};

}  // namespace detail

/// Parses the text of a recording. A truncated last line, from a run that was killed, is ignored.
///
/// Fails: names the line and what is wrong with it.
[[nodiscard]] inline result<recording> parse_recording(std::string_view text) {
    return detail::recording_parser().parse(text);
}

}  // namespace v1
}  // namespace joulery
