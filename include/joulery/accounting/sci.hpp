// sci.hpp - Software Carbon Intensity, ISO/IEC 21031: ((E x I) + M) per R.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The inputs of a score. For a report of a run use `sci_score` (report_carbon.hpp).
struct sci_input {
    energy it;       ///< of the software boundary, reserved but idle capacity included
    double pue = 1;  ///< the data center's overhead
    std::string pue_source;
    grid_factor grid;             ///< I: location-based; average or marginal
    emissions operational;        ///< E x I; zero: computed from the above
    emissions embodied;           ///< M
    std::string embodied_source;  ///< items, lifetime and share; empty: M is unknown
    double units = 0;             ///< number of R
    std::string unit;             ///< R: token, sample, request, epoch
    std::string boundary;         ///< the software and hardware that is counted
    std::string method;           ///< measured or modeled, and how
};

/// A score, with everything that a conformant report must state.
struct sci_result {
    sci_input input;
    emissions operational;             ///< O = E x I
    emissions embodied;                ///< M
    emissions per_unit;                ///< (O + M) per R
    std::vector<std::string> missing;  ///< what a conformant statement still needs
    [[nodiscard]] bool conformant() const noexcept { return missing.empty(); }
};

/// Computes the score. Fails without a functional unit, and for a market-based intensity: the
/// standard excludes contracts, certificates and offsets.
///
/// Thread: any. Cost: some strings.
///
///     sci_input in;  in.it = 2_kWh;  in.grid = *intensity_for("FR");  in.units = 1e6;
///     in.unit = "token";  auto s = sci(in);   // s->per_unit
[[nodiscard]] JOULERY_DECL result<sci_result> sci(sci_input in);

/// The statement: score, boundary, method, functional unit, conversion factors.
[[nodiscard]] JOULERY_DECL std::string to_text(const sci_result& s);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<sci_result> sci(sci_input in) {
    if (!is_positive(in.units) || in.unit.empty())
        return failure{"SCI needs a functional unit: how many of what",
                       "count items in the scope: s.add_items(n, \"token\")"};
    if (in.grid.method == "market")
        return failure{concat({"SCI admits no market-based intensity (", in.grid.source, ")"}),
                       "use the location-based one"};
    sci_result s;
    const energy facility = in.it * in.pue;
    s.operational = in.operational.grams() > 0 ? in.operational : facility * in.grid.intensity;
    s.embodied = in.embodied;
    s.per_unit = (s.operational + s.embodied) / in.units;
    if (in.boundary.empty()) s.missing.push_back("the software boundary");
    if (in.method.empty()) s.missing.push_back("the calculation method (measured or modeled)");
    if (in.embodied_source.empty()) s.missing.push_back("the embodied emissions M");
    if (in.grid.assumed) s.missing.push_back("the place: the world average is assumed");
    if (in.pue_source.empty() || in.pue_source == no_pue_stated)
        s.missing.push_back("the overhead of the data center (PUE)");
    s.input = std::move(in);
    return s;
}

JOULERY_DECL std::string to_text(const sci_result& s) {
    const sci_input& in = s.input;
    std::string out = "Software Carbon Intensity (ISO/IEC 21031:2024), SCI = ((E x I) + M) per R\n";
    const auto line = [&](std::string_view label, const std::string& text) {
        append(out, {"  ", left_in(std::string(label), 15), text, "\n"});
    };
    line("SCI", concat({to_text(s.per_unit), " per ", in.unit}));
    line("R", concat({count_text(in.units), " ", in.unit}));
    line("E", concat({text_in_both(in.it), " (IT) x PUE ", format_significant(in.pue, 4), " = ",
                      text_in_both(in.it * in.pue),
                      "; PUE: ", (in.pue_source.empty() ? "not stated" : in.pue_source)}));
    line("I", to_text(in.grid));
    line("O = E x I", to_text(s.operational));
    line("M", in.embodied_source.empty() ? "not counted"
                                         : concat({to_text(s.embodied), "; ", in.embodied_source}));
    append(out, {"  boundary       ", (in.boundary.empty() ? "not stated" : in.boundary), "\n"});
    append(out, {"  method         ", (in.method.empty() ? "not stated" : in.method), "\n"});
    if (s.conformant())
        return concat(
            {out, "  conformant     yes: everything that the standard requires is stated\n"});
    out += "  conformant     no; missing:";
    for (std::size_t i = 0; i < s.missing.size(); ++i) out += (i == 0 ? " " : "; ") + s.missing[i];
    return concat({out, "\n"});
}

}  // namespace v1
}  // namespace joulery

#endif
