// second_opinions.hpp - countries' intensity by another definition, for ranges.
// SPDX-License-Identifier: MIT
#pragma once

namespace joulery {
inline namespace v1 {

/// A single figure quoted beside the table's: lifecycle and consumption-based, so that electricity
/// from abroad counts. Large importers and exporters differ most.
struct second_opinion {
    char iso2[3];
    double grams_per_kwh;
    short year;
};

inline constexpr const char* second_opinion_source = "Electricity Maps, yearly zone average";

inline constexpr second_opinion second_opinions[] = {
    {"US", 414, 2025}, {"DE", 342, 2025}, {"FR", 31, 2025},
    {"SE", 21, 2025},  {"CN", 485, 2025}, {"IN", 593, 2025},
};

}  // namespace v1
}  // namespace joulery
