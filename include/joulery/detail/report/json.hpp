// json.hpp - a report as JSON and back, without loss.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/fields.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/report_io.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

// One overload per type of field. Structures and arrays of them have one member per line; `indent`
// is that of the closing line.
inline void put_json(std::string& out, const std::string& v, int) { append_json_string(out, v); }
inline void put_json(std::string& out, bool v, int) { out += v ? "true" : "false"; }
inline void put_json(std::string& out, double v, int) { append_json_number(out, v); }
template <class Whole, std::enable_if_t<std::is_integral<Whole>::value, int> = 0>
void put_json(std::string& out, Whole v, int) {
    out += std::to_string(v);
}
/// An index, or null if it is missing.
inline void put_index(std::string& out, std::size_t v) {
    out += v == scope_row::no_parent ? "null" : std::to_string(v);
}
inline void put_json(std::string& out, energy v, int) { append_json_number(out, v.joules()); }
inline void put_json(std::string& out, power v, int) { append_json_number(out, v.watts()); }
inline void put_json(std::string& out, emissions v, int) { append_json_number(out, v.grams()); }
inline void put_json(std::string& out, seconds v, int) { append_json_number(out, v.count()); }
inline void put_json(std::string& out, wall_time v, int) {
    append_json_number(out, v.unix_seconds());
}
inline void put_json(std::string& out, carbon_intensity v, int) {
    append_json_number(out, v.grams_per_kwh());
}
inline void put_json(std::string& out, component v, int) { append_json_string(out, to_text(v)); }
inline void put_json(std::string& out, reading_kind v, int) { append_json_string(out, to_text(v)); }
inline void put_json(std::string& out, quality v, int) { append_json_string(out, to_text(v)); }

inline void new_line(std::string& out, int indent) {
    out += '\n';
    out.append(static_cast<std::size_t>(indent) * 2, ' ');
}

template <class T, class = std::enable_if_t<has_fields<T>::value>>
void put_json(std::string& out, const T& v, int indent);

template <class T>
void put_json(std::string& out, const std::vector<T>& v, int indent) {
    const bool lines = has_fields<T>::value || std::is_same<T, std::string>::value;
    out += '[';
    for (std::size_t i = 0; i < v.size(); ++i) {
        if (i > 0) out += ',';
        if (lines) new_line(out, indent + 1);
        put_json(out, v[i], indent + 1);
    }
    if (lines && !v.empty()) new_line(out, indent);
    out += ']';
}

template <class T>
void put_json(std::string& out, const std::optional<T>& v, int indent) {
    if (v) {
        put_json(out, *v, indent);
    } else {
        out += "null";
    }
}

// Rows of tables take one line each; the report and its context one line per field.
template <class T, class>
void put_json(std::string& out, const T& v, int indent) {
    const bool lines = std::is_same<T, report>::value || std::is_same<T, run_context>::value;
    const char* separator = "";
    out += '{';
    if constexpr (std::is_same<T, report>::value) {
        out.append("\n  \"schema\": ");
        append_json_string(out, json_schema);
        out.append(",\n  \"schema_version\": ").append(std::to_string(json_schema_version));
        separator = ",";
    }
    fields<T>::visit([&](const char* name, auto member) {
        out += separator;
        if (lines) {
            new_line(out, indent + 1);
        } else if (*separator != '\0') {
            out += ' ';
        }
        out.append("\"").append(name).append("\": ");
        if constexpr (std::is_same_v<decltype(member), std::size_t scope_row::*>)
            put_index(out, v.*member);
        else
            put_json(out, v.*member, indent + 1);
        separator = ",";
    });
    if (lines) new_line(out, indent);
    out += '}';
}

/// Fills a report from parsed JSON; stops at the first mismatch and names it.
class json_reader {
 public:
    template <class T>
    void read_members(const json_value& from, T& to) {
        if (!expect(from, json_value::type::object)) return;
        fields<T>::visit([&](const char* name, auto member) {
            if (failed()) return;
            const json_value* found = from.find(name);
            // Missing members keep their defaults, since older writers had fewer.
            if (found == nullptr) return;
            where_.push_back(name);
            if constexpr (std::is_same_v<decltype(member), std::size_t scope_row::*>)
                read_index(*found, to.*member);
            else
                read(*found, to.*member);
            if (!failed()) where_.pop_back();
        });
    }

    [[nodiscard]] bool failed() const noexcept { return !why_.empty(); }
    [[nodiscard]] failure why() const {
        std::string reason = "not a joulery report: ";
        for (std::size_t i = 0; i < where_.size(); ++i)
            reason.append(i > 0 ? "." : "").append(where_[i]);
        reason.append(where_.empty() ? "" : ": ").append(why_).append(" at byte ");
        append_number(reason, static_cast<std::uint64_t>(at_));
        return {reason, "check that joulery wrote this file and that it was not edited"};
    }

    bool stop(const json_value& at, std::string why) {
        if (!failed()) {
            why_ = std::move(why);
            at_ = at.offset;
        }
        return false;
    }

 private:
    bool expect(const json_value& v, json_value::type type) {
        if (v.kind == type) return true;
        return stop(v, concat({to_text(type), " was expected, found ", to_text(v.kind)}));
    }

    template <class T>
    std::enable_if_t<has_fields<T>::value> read(const json_value& from, T& to) {
        read_members(from, to);
    }
    template <class T>
    void read(const json_value& from, std::vector<T>& to) {
        if (!expect(from, json_value::type::array)) return;
        to.resize(from.elements.size());
        for (std::size_t i = 0; i < to.size() && !failed(); ++i) {
            where_.push_back(std::to_string(i));
            read(from.elements[i], to[i]);
            if (!failed()) where_.pop_back();
        }
    }
    template <class T>
    void read(const json_value& from, std::optional<T>& to) {
        to.reset();
        if (from.kind != json_value::type::null) read(from, to.emplace());
    }
    void read(const json_value& from, std::string& to) {
        if (expect(from, json_value::type::string)) to = from.text;
    }
    void read(const json_value& from, bool& to) {
        if (expect(from, json_value::type::boolean)) to = from.truth;
    }
    void read(const json_value& from, double& to) {
        if (from.kind == json_value::type::null) {
            to = not_a_number();
        } else if (expect(from, json_value::type::number) && !parse_number(from.text, to)) {
            stop(from, concat({"the number ", from.text, " is out of range"}));
        }
    }
    template <class Whole>
    std::enable_if_t<std::is_integral<Whole>::value> read(const json_value& from, Whole& to) {
        if (!expect(from, json_value::type::number)) return;
        const char* end = from.text.data() + from.text.size();
        const auto done = std::from_chars(from.text.data(), end, to);
        if (done.ec != std::errc() || done.ptr != end)
            stop(from, concat({"a whole number was expected, found ", from.text}));
    }
    void read_index(const json_value& from, std::size_t& to) {
        to = scope_row::no_parent;
        if (from.kind != json_value::type::null) read(from, to);
    }
    template <class T, class From>
    void read_as(const json_value& from, T& to, From make) {
        double number = 0;
        read(from, number);
        if (!failed()) to = make(number);
    }
    void read(const json_value& v, energy& to) { read_as(v, to, energy::from_joules); }
    void read(const json_value& v, power& to) { read_as(v, to, power::from_watts); }
    void read(const json_value& v, emissions& to) { read_as(v, to, emissions::from_grams); }
    void read(const json_value& v, wall_time& to) { read_as(v, to, wall_time::from_unix_seconds); }
    void read(const json_value& v, seconds& to) {
        read_as(v, to, [](double s) { return seconds(s); });
    }
    void read(const json_value& v, carbon_intensity& to) {
        read_as(v, to, carbon_intensity::from_grams_per_kwh);
    }
    void read(const json_value& v, quality& to) { read_enum(v, to, quality::partial); }
    void read(const json_value& v, component& to) { read_enum(v, to, component::other); }
    void read(const json_value& v, reading_kind& to) {
        read_enum(v, to, reading_kind::power_gauge);
    }

    template <class Enum>
    void read_enum(const json_value& from, Enum& to, Enum last) {
        if (!expect(from, json_value::type::string)) return;
        for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
            if (to_text(static_cast<Enum>(i)) != from.text) continue;
            to = static_cast<Enum>(i);
            return;
        }
        stop(from, concat({"\"", escape_control(from.text), "\" is not one of the known words"}));
    }

    std::vector<std::string> where_;
    std::string why_;
    std::size_t at_ = 0;
};

inline bool check_schema(const json_value& root, json_reader& reader) {
    const json_value* schema = root.find("schema");
    if (schema == nullptr || schema->text != json_schema)
        return reader.stop(root, "\"schema\": \"joulery-report\" is missing");
    const json_value* version = root.find("schema_version");
    double number = 0;
    if (version == nullptr || version->kind != json_value::type::number ||
        !parse_number(version->text, number) || number < 1)
        return reader.stop(root, "\"schema_version\" is missing or not a number");
    if (number > json_schema_version)
        return reader.stop(*version, concat({"it has schema_version ", version->text,
                                             ", this library reads up to ", json_schema_version,
                                             "; use a newer joulery"}));
    return true;
}

}  // namespace detail

JOULERY_DECL std::string to_json(const report& r) {
    std::string out;
    out.reserve(2000 + r.scopes.size() * 400);
    const shown_report shown(r);
    detail::put_json(out, *shown, 0);
    out += '\n';
    return out;
}

JOULERY_DECL result<report> from_json(std::string_view text) {
    result<json_value> root = parse_json(text);
    if (!root) return root.error();
    detail::json_reader reader;
    report r;
    if (root->kind != json_value::type::object) {
        reader.stop(*root, "an object was expected");
    } else if (detail::check_schema(*root, reader)) {
        reader.read_members(*root, r);
        for (std::size_t i = 0; i < r.scopes.size() && !reader.failed(); ++i)
            if (const std::size_t p = r.scopes[i].parent; p >= i && p != scope_row::no_parent)
                reader.stop(*root, concat({"scope ", i, " comes before its parent"}));
    }
    if (reader.failed()) return reader.why();
    restore_zeros(r);
    return r;
}

JOULERY_DECL bool operator==(const report& a, const report& b) { return detail::same_value(a, b); }
JOULERY_DECL bool operator!=(const report& a, const report& b) { return !(a == b); }

}  // namespace v1
}  // namespace joulery
