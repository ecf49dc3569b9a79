// utf8.hpp - reads and writes UTF-8 that may be invalid, and computes its width.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

inline constexpr char32_t replacement_character = 0xFFFD;

/// Reads the code point at `at` and moves past it. Invalid UTF-8 (stray or missing continuation
/// bytes, overlong forms, surrogates) reads as U+FFFD and moves one byte.
[[nodiscard]] inline char32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(at);
    const std::size_t start = at++;
    if (first < 0x80) return first;
    const std::size_t more = first >= 0xF0 ? 3 : (first >= 0xE0 ? 2 : 1);
    if (first < 0xC2 || first > 0xF4 || text.size() - start <= more) return replacement_character;
    char32_t c = first & (0x3Fu >> more);
    for (std::size_t i = 1; i <= more; ++i) {
        if ((byte(start + i) & 0xC0u) != 0x80u) return replacement_character;
        c = (c << 6) | (byte(start + i) & 0x3Fu);
    }
    static constexpr char32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (c < smallest[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return replacement_character;
    at = start + more + 1;
    return c;
}

/// Appends a code point as UTF-8.
inline void append_utf8(std::string& out, char32_t c) {
    const auto put = [&](char32_t byte) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | (c >> 6));
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | (c >> 12));
        put(0x80 | ((c >> 6) & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | (c >> 18));
        put(0x80 | ((c >> 12) & 0x3F));
        put(0x80 | ((c >> 6) & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

/// Characters that control a terminal or change the reading direction instead of being shown.
[[nodiscard]] constexpr bool is_control(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/// Columns of a code point on a terminal: 0 (combining), 1 or 2 (East Asian wide, emoji).
[[nodiscard]] constexpr int column_count(char32_t c) noexcept {
    struct range {
        char32_t first, last;
    };
    constexpr range zero[] = {
        {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},   {0x64B, 0x65F},
        {0x6D6, 0x6DC},   {0x900, 0x902},   {0x93C, 0x93C},   {0x941, 0x948},   {0x94D, 0x94D},
        {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
        {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF}};
    constexpr range wide[] = {
        {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x25FD, 0x25FE},
        {0x2614, 0x2615},   {0x26A1, 0x26A1},   {0x2705, 0x2705},   {0x274C, 0x274C},
        {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2B50, 0x2B50},   {0x2E80, 0x303E},
        {0x3041, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
        {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
        {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}};
    for (const range& r : zero)
        if (c >= r.first && c <= r.last) return 0;
    for (const range& r : wide)
        if (c >= r.first && c <= r.last) return 2;
    return 1;
}

/// Columns of `text` on a terminal; control characters count as 0.
[[nodiscard]] inline std::size_t display_width(std::string_view text) noexcept {
    std::size_t columns = 0;
    for (std::size_t at = 0; at < text.size();) {
        const char32_t c = next_code_point(text, at);
        if (!is_control(c)) columns += static_cast<std::size_t>(column_count(c));
    }
    return columns;
}

/// `text` as valid UTF-8, with U+FFFD for invalid parts.
[[nodiscard]] inline std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) append_utf8(out, next_code_point(text, at));
    return out;
}

/// `text` safe to print: valid UTF-8; control characters are shown as "\x1b", "\u202e".
[[nodiscard]] inline std::string escape_control(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const char32_t c = next_code_point(text, at);
        if (!is_control(c)) {
            append_utf8(out, c);
            continue;
        }
        out += c < 0x100 ? "\\x" : "\\u";
        for (int shift = c < 0x100 ? 4 : 12; shift >= 0; shift -= 4)
            out += "0123456789abcdef"[(c >> shift) & 0xF];
    }
    return out;
}

/// The beginning of `text` that fits `columns`, with "…" for the rest.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t columns) {
    if (display_width(text) <= columns) return std::string(text);
    std::size_t used = 0, at = 0, keep = 0;
    while (at < text.size()) {
        const auto width = static_cast<std::size_t>(column_count(next_code_point(text, at)));
        if (used + width + 1 > columns) break;
        used += width;
        keep = at;
    }
    return columns == 0 ? std::string() : concat({text.substr(0, keep), "\xE2\x80\xA6"});
}

}  // namespace v1
}  // namespace joulery
