// json.hpp - JSON as text and as values: writing strings and numbers, parsing.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Appends `text` as a JSON string with quotes: valid UTF-8 with control characters escaped, and
/// `<` as well, so that the JSON can be embedded in an HTML page.
inline void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const char32_t c = next_code_point(text, at);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '<' || (c < 0x10000 && is_control(c))) {
            out += "\\u";
            for (int shift = 12; shift >= 0; shift -= 4)
                out += "0123456789abcdef"[(c >> shift) & 0xF];
        } else {
            append_utf8(out, c);
        }
    }
    out += '"';
}

/// Appends a number that round-trips; `null` for not-a-number and infinities.
inline void append_json_number(std::string& out, double x) {
    if (is_finite(x)) {
        append_number(out, x);
    } else {
        out += "null";
    }
}

/// Any JSON value. A number keeps its text, so that 64-bit integers survive.
///
///     result<json_value> v = parse_json(text);
///     if (v) if (const json_value* n = v->find("schema_version")) use(n->text);
struct json_value {
    enum class type : unsigned char { null, boolean, number, string, array, object };
    type kind = type::null;
    bool truth = false;                 ///< of a boolean
    std::size_t offset = 0;             ///< where it begins in the text, in bytes
    std::string text;                   ///< of a string (unescaped) or a number (as written)
    std::vector<std::string> names;     ///< of an object's members
    detail::list<json_value> elements;  ///< of an array, or an object's members

    /// The member of that name, or null.
    [[nodiscard]] const json_value* find(std::string_view name) const noexcept {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (names[i] == name) return &elements[i];
        return nullptr;
    }
};

/// The name of a `json_value::kind` in messages.
[[nodiscard]] constexpr std::string_view to_text(json_value::type t) noexcept {
    constexpr std::string_view names[] = {"null",     "true or false", "a number",
                                          "a string", "an array",      "an object"};
    return names[static_cast<unsigned>(t)];
}

namespace detail {

/// Recursive descent over RFC 8259; no leading zeros, no trailing commas, no comments.
class json_parser {
 public:
    explicit json_parser(std::string_view text) noexcept : text_(text) {}

    result<json_value> parse() {
        json_value v;
        skip_blanks();
        if (!value(v, 0)) return broken();
        skip_blanks();
        if (at_ != text_.size()) {
            stop("something follows the end of the value");
            return broken();
        }
        return v;
    }

    static constexpr int deepest = 64;
    static constexpr std::size_t usual_members = 16;  // a scope's row has 14

 private:
    bool stop(const char* why) {
        if (why_ == nullptr) {
            why_ = why;
            stopped_at_ = at_;
        }
        return false;
    }

    failure broken() const {
        const bool cut = stopped_at_ >= text_.size();
        std::string reason = "not JSON: ";
        reason += cut ? "the text ends too early" : why_;
        reason += " at byte ";
        append_number(reason, static_cast<std::uint64_t>(stopped_at_));
        reason += " of ";
        append_number(reason, static_cast<std::uint64_t>(text_.size()));
        return {reason, cut ? "the file was cut off while it was written or copied; write it again"
                            : "check that this is a file that joulery wrote"};
    }

    [[nodiscard]] bool more() const noexcept { return at_ < text_.size(); }
    [[nodiscard]] char here() const noexcept { return more() ? text_[at_] : '\0'; }
    bool take(char c) noexcept {
        if (!more() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void skip_blanks() noexcept {
        while (more() && (here() == ' ' || here() == '\n' || here() == '\r' || here() == '\t'))
            ++at_;
    }

    bool value(json_value& v, int depth) {
        v.offset = at_;
        if (depth > deepest) return stop("values are nested too deeply");
        switch (here()) {
            case '{':
                v.kind = json_value::type::object;
                return members(v, depth);
            case '[':
                v.kind = json_value::type::array;
                return elements(v, depth);
            case '"':
                v.kind = json_value::type::string;
                return string(v.text);
            case 't':
                v.kind = json_value::type::boolean;
                v.truth = true;
                return word("true");
            case 'f':
                v.kind = json_value::type::boolean;
                return word("false");
            case 'n':
                return word("null");
            default:
                v.kind = json_value::type::number;
                return number(v.text);
        }
    }

    bool word(std::string_view w) {
        for (const char c : w)
            if (!take(c)) return stop("a value was expected");
        return true;
    }

    bool members(json_value& v, int depth) {
        ++at_;
        skip_blanks();
        if (take('}')) return true;
        v.names.reserve(usual_members);
        v.elements.reserve(usual_members);
        do {
            skip_blanks();
            std::string name;
            if (here() != '"') return stop("a member's name was expected");
            if (!string(name)) return false;
            skip_blanks();
            if (!take(':')) return stop("':' was expected");
            skip_blanks();
            v.names.push_back(std::move(name));
            v.elements.emplace_back();
            if (!value(v.elements.back(), depth + 1)) return false;
            skip_blanks();
        } while (take(','));
        if (!take('}')) return stop("',' or '}' was expected");
        return names_differ(v);
    }

    /// A file may have any number of names in one object, so they are sorted rather than compared
    /// in pairs.
    bool names_differ(const json_value& v) {
        list<const std::string*> sorted;
        sorted.reserve(v.names.size());
        for (const std::string& name : v.names) sorted.push_back(&name);
        std::sort(sorted.begin(), sorted.end(),
                  [](const std::string* a, const std::string* b) { return *a < *b; });
        const auto twin =
            std::adjacent_find(sorted.begin(), sorted.end(),
                               [](const std::string* a, const std::string* b) { return *a == *b; });
        if (twin == sorted.end()) return true;
        const std::string* later = std::max(twin[0], twin[1]);
        at_ = v.elements[static_cast<std::size_t>(later - v.names.data())].offset;
        return stop("a member's name appears twice");
    }

    bool elements(json_value& v, int depth) {
        ++at_;
        skip_blanks();
        if (take(']')) return true;
        do {
            skip_blanks();
            v.elements.emplace_back();
            if (!value(v.elements.back(), depth + 1)) return false;
            skip_blanks();
        } while (take(','));
        return take(']') || stop("',' or ']' was expected");
    }

    bool digits() noexcept {
        const std::size_t start = at_;
        while (here() >= '0' && here() <= '9') ++at_;
        return at_ > start;
    }

    bool number(std::string& out) {
        const std::size_t start = at_;
        take('-');
        if (!take('0') && !digits()) return stop("a value was expected");
        if (take('.') && !digits()) return stop("a digit was expected");
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return stop("a digit was expected");
        }
        out.assign(text_.substr(start, at_ - start));
        return true;
    }

    /// The number of characters from here on that stand for themselves: ASCII, no quote, no
    /// backslash.
    [[nodiscard]] std::size_t plain_letters() const noexcept {
        std::size_t end = at_;
        for (; end < text_.size(); ++end) {
            const auto c = static_cast<unsigned char>(text_[end]);
            if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') break;
        }
        return end - at_;
    }

    bool string(std::string& out) {
        ++at_;
        while (more()) {
            const std::size_t plain = plain_letters();
            out.append(text_.substr(at_, plain));
            at_ += plain;
            if (!more()) break;
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (static_cast<unsigned char>(c) < 0x20)
                return stop("a control character in a string must be escaped");
            if (c == '\\') {
                ++at_;
                if (!escape(out)) return false;
                continue;
            }
            append_utf8(out, next_code_point(text_, at_));
        }
        return stop("the string is not terminated");
    }

    bool escape(std::string& out) {
        static constexpr std::string_view letters = "\"\\/bfnrt";
        static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        if (take('u')) return unicode(out);
        const std::size_t which = more() ? letters.find(here()) : std::string_view::npos;
        if (which == std::string_view::npos) return stop("unknown escape in a string");
        ++at_;
        out += meanings[which];
        return true;
    }

    bool four_digits(char32_t& c) {
        c = 0;
        for (int i = 0; i < 4; ++i) {
            static constexpr std::string_view lower = "0123456789abcdef";
            static constexpr std::string_view upper = "0123456789ABCDEF";
            std::size_t digit = more() ? lower.find(here()) : std::string_view::npos;
            if (digit == std::string_view::npos && more()) digit = upper.find(here());
            if (digit == std::string_view::npos) return stop("four hexadecimal digits expected");
            c = c * 16 + static_cast<char32_t>(digit);
            ++at_;
        }
        return true;
    }

    // Half of a surrogate pair has no meaning and becomes U+FFFD.
    bool unicode(std::string& out) {
        char32_t c = 0;
        if (!four_digits(c)) return false;
        const bool high = c >= 0xD800 && c < 0xDC00;
        if (high && text_.substr(at_, 2) == "\\u") {
            const std::size_t before = at_;
            at_ += 2;
            char32_t low = 0;
            if (!four_digits(low)) return false;
            if (low >= 0xDC00 && low < 0xE000) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            } else {
                at_ = before;
            }
        }
        append_utf8(out, c >= 0xD800 && c < 0xE000 ? replacement_character : c);
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t stopped_at_ = 0;
    const char* why_ = nullptr;
};

}  // namespace detail

/// Parses one JSON value. Invalid UTF-8 inside strings becomes U+FFFD.
///
/// Cost:  linear, except that the names of an object are sorted.
/// Fails: for anything that RFC 8259 doesn't allow, duplicate names in an object, more than 64
/// levels; the reason contains the byte offset.
[[nodiscard]] inline result<json_value> parse_json(std::string_view text) {
    return detail::json_parser(text).parse();
}

}  // namespace v1
}  // namespace joulery
