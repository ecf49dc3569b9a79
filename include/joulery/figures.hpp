// figures.hpp - figures and tables for people, for tools that print reports.
// SPDX-License-Identifier: MIT
//
// Three digits, a fitting unit, never an exponent; "not measured" if there is no figure:
//
//     to_text(1234_J)                       "1.23 kJ": energy, power, emissions, intensity, time
//     count_text(1234567)                   "1.23 M"
//     percent_text(0.0512)                  "5.12 %"
//     format_significant(3552000.5, 6)      "3552000": six digits, padded with zeros
//     with_quality_prefix("5 J", q)         "~5 J" where q is estimated
//     escape_control(name)                  names of scopes, safe for a terminal
//     text_grid                             columns fitted to a width, the least important left out
//
// Thread: any. Cost: a string each. Fails: never.
#pragma once

#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/text_grid.hpp"
