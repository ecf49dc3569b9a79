// ledger_total.hpp - sums the runs of a ledger.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/accounting/ledger.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Which lines count; an empty text matches everything.
struct ledger_filter {
    std::string phase, model, run_name, machine;
    std::string from_month, until_month;  ///< "2026-01" to "2026-06", both included
};

/// A sum over runs.
struct ledger_sum {
    std::uint64_t runs = 0;
    seconds duration{0};
    energy it, facility;
    emissions co2e, market, embodied;
    std::uint64_t with_market = 0;  ///< runs that state a contract; `market` sums only these
    double water_liters = 0;

    void add(const ledger_entry& e) {
        ++runs;
        duration += e.duration;
        it += e.it;
        facility += e.facility;
        co2e += e.co2e;
        embodied += e.embodied;
        water_liters += e.water_liters;
        if (e.market_source.empty()) return;
        market += e.market;
        ++with_market;
    }
};

/// The total of a ledger, and subtotals by phase, model and month.
struct ledger_summary {
    ledger_sum total;
    std::map<std::string, ledger_sum> by_phase, by_model, by_month;
    std::uint64_t superseded = 0;       ///< earlier lines of runs that were added again
    std::vector<std::string> warnings;  ///< lines that could not be read, by number
};

/// Sums a ledger: training against inference, per model, per month.
///
/// Fails:  if the file can't be read. Lines that can't be parsed (torn, foreign) are skipped and
///         listed in `warnings`; the file is not changed.
///
///     auto t = ledger_total("energy.jsonl", {});
///     t->by_phase["training"].co2e;  t->by_month["2026-11"].it;
[[nodiscard]] JOULERY_DECL result<ledger_summary> ledger_total(const std::string& path,
                                                               const ledger_filter& filter = {});

[[nodiscard]] JOULERY_DECL std::string to_text(const ledger_summary& s);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/core/shared_file.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/text_grid.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <sys/file.h>
#endif

namespace joulery {
inline namespace v1 {

namespace detail {

[[nodiscard]] inline bool passes(const ledger_entry& e, const ledger_filter& f) {
    const auto is = [](const std::string& wanted, const std::string& has) {
        return wanted.empty() || wanted == has;
    };
    const std::string month = e.month();
    return is(f.phase, e.phase) && is(f.model, e.model) && is(f.run_name, e.run_name) &&
           is(f.machine, e.machine) && (f.from_month.empty() || f.from_month <= month) &&
           (f.until_month.empty() || month <= f.until_month);
}

/// Collects lines; the last line of a run counts.
class ledger_reader {
 public:
    void line(std::string_view text) {
        ++number_;
        if (text.empty()) return;
        auto e = parse_ledger_line(text);
        if (!e) {
            out_.warnings.push_back(concat({"line ", number_, " left out: ", e.error().reason}));
            return;
        }
        if (e->run_id.empty()) {
            entries_.push_back(*std::move(e));
            return;
        }
        const std::string key = e->run_id + '\n' + e->phase + '\n' + e->model + '\n' + e->scope;
        const auto [at, fresh] = by_run_.emplace(key, entries_.size());
        if (fresh) {
            entries_.push_back(*std::move(e));
        } else {
            entries_[at->second] = *std::move(e);
            ++out_.superseded;
        }
    }
    [[nodiscard]] ledger_summary finish(const ledger_filter& filter) {
        for (const ledger_entry& e : entries_) {
            if (!passes(e, filter)) continue;
            out_.total.add(e);
            out_.by_phase[e.phase].add(e);
            out_.by_model[e.model].add(e);
            out_.by_month[e.month()].add(e);
        }
        return std::move(out_);
    }

 private:
    std::vector<ledger_entry> entries_;
    std::map<std::string, std::size_t> by_run_;
    ledger_summary out_;
    std::uint64_t number_ = 0;
};

}  // namespace detail

JOULERY_DECL result<ledger_summary> ledger_total(const std::string& path,
                                                 const ledger_filter& filter) {
    std::FILE* file = detail::open_stream(path, "rb");
    if (!file) return failure{concat({path, ": ", std::strerror(errno)}), "check the path"};
#if JOULERY_POSIX()
    (void)detail::lock_file(::fileno(file),
                            LOCK_SH);  // excludes writers, so that no line is incomplete
#endif
    detail::ledger_reader reader;
    std::string pending, piece(1 << 16, '\0');
    std::size_t n = 0;
    while ((n = std::fread(&piece[0], 1, piece.size(), file)) > 0) {
        std::string_view rest = std::string_view(piece).substr(0, n);
        for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos;) {
            pending.append(rest.substr(0, end));
            reader.line(pending);
            pending.clear();
            rest.remove_prefix(end + 1);
        }
        pending.append(rest);
    }
    const int error = std::ferror(file) != 0 ? errno : 0;
    std::fclose(file);
    if (error != 0)
        return failure{concat({path, ": cannot be read to its end: ", std::strerror(error)}),
                       "check the path and the disk"};
    if (!pending.empty()) reader.line(pending);
    return reader.finish(filter);
}

JOULERY_DECL std::string to_text(const ledger_summary& s) {
    text_grid grid(
        {{""}, {"runs"}, {"IT energy"}, {"facility"}, {"CO2e"}, {"embodied"}, {"water"}});
    const energy largest = s.total.facility;
    const auto row = [&](const std::string& name, const ledger_sum& sum) {
        grid.add({name, std::to_string(sum.runs), to_text_beside(sum.it, largest),
                  to_text_beside(sum.facility, largest), mass_text(sum.co2e),
                  mass_text(sum.embodied), liters_text(sum.water_liters)});
    };
    row("total", s.total);
    const std::pair<const char*, const std::map<std::string, ledger_sum>&> parts[] = {
        {"by phase", s.by_phase}, {"by model", s.by_model}, {"by month", s.by_month}};
    for (const auto& [title, part] : parts) {
        grid.add({title});
        for (const auto& [name, sum] : part)
            row(concat({"  ", (name.empty() ? "(none)" : escape_control(name))}), sum);
    }
    std::string out = grid.render(std::string::npos, false);  // truncated names might look alike
    if (s.total.with_market > 0)
        append(out, {"market-based: ", to_text(s.total.market), ", of the ", s.total.with_market,
                     " run(s) that state a contract\n"});
    for (const std::string& w : s.warnings) append(out, {"warning: ", escape_control(w), "\n"});
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
