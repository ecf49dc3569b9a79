// text_grid.hpp - rows of cells aligned by their width on a terminal.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// The width of the terminal open as `descriptor`; `otherwise` if it is none or its width is
/// unknown.
///
/// Cost: a system call. Fails: never.
[[nodiscard]] inline std::size_t terminal_width(int descriptor,
                                                std::size_t otherwise = 100) noexcept {
#if JOULERY_POSIX()
    struct winsize size {};
    if (::isatty(descriptor) != 0 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
#else
    (void)descriptor;
#endif
    return otherwise;
}

}  // namespace detail

/// Colors and weights of a terminal, used only on request.
enum class text_style : unsigned char { plain, bold, dim, warning };

/// Appends `text`, in the escape sequence of `style` if `color` is on.
inline void append_styled(std::string& out, std::string_view text, text_style style, bool color) {
    static constexpr std::string_view codes[] = {"", "\x1b[1m", "\x1b[2m", "\x1b[33m"};
    const bool wrap = color && style != text_style::plain;
    if (wrap) out += codes[static_cast<unsigned>(style)];
    out += text;
    if (wrap) out += "\x1b[0m";
}

/// A table of text that fits a width. First gaps narrow, then the first column is shortened, then
/// whole columns are omitted, least valuable first. Lines never wrap. Cells must be free of control
/// characters.
///
///     text_grid grid({{"scope", 0}, {"energy", 9}});
///     grid.add({"train", "~1.2 kJ"});
///     out += grid.render(80, false);
class text_grid {
 public:
    struct column {
        std::string title;
        int worth = 0;  ///< if space is short, the column with the least worth is omitted first
        bool left = false;
    };

    explicit text_grid(detail::list<column> columns) : columns_(std::move(columns)) {}

    void add(std::vector<std::string> cells, text_style style = text_style::plain) {
        rows_.push_back({std::move(cells), style});
    }

    [[nodiscard]] std::string render(std::size_t width, bool color) const {
        std::vector<std::size_t> widths = natural_widths();
        detail::list<bool> shown(columns_.size(), true);
        for (std::size_t c = 0; c < columns_.size(); ++c) shown[c] = c == 0 || used(c);
        const auto rest = [&](std::size_t gap) {
            std::size_t sum = 0;
            for (std::size_t c = 1; c < columns_.size(); ++c)
                if (shown[c]) sum += widths[c] + gap;
            return sum;
        };
        // A column worth less than the gaps between the others is omitted before they narrow.
        while (rest(2) + std::min(widths[0], least_name) > width && drop_one(shown, worth_of_air)) {
        }
        while (rest(1) + std::min(widths[0], least_name) > width && drop_one(shown, 1000)) {
        }
        const std::size_t gap = rest(2) + std::min(widths[0], least_name) <= width ? 2 : 1;
        const std::size_t others = rest(gap);
        widths[0] = std::min(widths[0], width > others ? width - others : std::size_t{1});
        std::string out;
        std::vector<std::string> titles;
        for (const column& c : columns_) titles.push_back(c.title);
        put_line(out, {titles, text_style::bold}, widths, shown, gap, color);
        for (const row& r : rows_) put_line(out, r, widths, shown, gap, color);
        return out;
    }

 private:
    static constexpr std::size_t least_name = 20;
    static constexpr int worth_of_air = 2;

    struct row {
        std::vector<std::string> cells;
        text_style style;
    };

    [[nodiscard]] bool used(std::size_t c) const {
        return any_in(rows_,
                      [&](const row& r) { return c < r.cells.size() && !r.cells[c].empty(); });
    }

    [[nodiscard]] std::vector<std::size_t> natural_widths() const {
        std::vector<std::size_t> widths;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            std::size_t w = display_width(columns_[c].title);
            for (const row& r : rows_)
                if (c < r.cells.size()) w = std::max(w, display_width(r.cells[c]));
            widths.push_back(w);
        }
        return widths;
    }

    bool drop_one(detail::list<bool>& shown, int below) const {
        std::size_t least = 0;
        for (std::size_t c = 1; c < columns_.size(); ++c)
            if (shown[c] && (least == 0 || columns_[c].worth < columns_[least].worth)) least = c;
        if (least == 0 || columns_[least].worth >= below) return false;
        shown[least] = false;
        return true;
    }

    void put_line(std::string& out, const row& r, const std::vector<std::size_t>& widths,
                  const detail::list<bool>& shown, std::size_t gap, bool color) const {
        std::string line;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            if (!shown[c]) continue;
            const std::string cell =
                c < r.cells.size() ? shortened(r.cells[c], widths[c]) : std::string();
            const std::string pad(widths[c] - std::min(widths[c], display_width(cell)), ' ');
            if (c > 0) line.append(gap, ' ');
            line += c == 0 || columns_[c].left ? cell + pad : pad + cell;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        append_styled(out, line, r.style, color);
        out += '\n';
    }

    detail::list<column> columns_;
    detail::list<row> rows_;
};

/// Appends prose wrapped at blanks; lines after the first are indented by `indent` blanks.
inline void append_wrapped(std::string& out, std::string_view text, std::size_t width,
                           std::size_t indent) {
    std::size_t used = 0;
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty() && !first) continue;
        const std::size_t columns = display_width(word);
        if (!first && used + 1 + columns > width) {
            out.append("\n").append(indent, ' ');
            used = indent;
        } else if (!first) {
            out += ' ';
            ++used;
        }
        out += word;
        used += columns;
        first = false;
    }
    out += '\n';
}

}  // namespace v1
}  // namespace joulery
