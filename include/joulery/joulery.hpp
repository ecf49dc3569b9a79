// joulery/joulery.hpp - all that most programs need.
// Layer 9. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backends/function.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/core/quality.hpp"
#include "joulery/core/units.hpp"
#include "joulery/counters/backend.hpp"
#include "joulery/counters/channel.hpp"
#include "joulery/counters/reading.hpp"
#include "joulery/engine/meter.hpp"
#include "joulery/engine/options.hpp"
#include "joulery/macros.hpp"
#include "joulery/report/csv.hpp"
#include "joulery/report/json.hpp"
#include "joulery/report/merge.hpp"
#include "joulery/report/report.hpp"
#include "joulery/report/text_table.hpp"
#include "joulery/report/write.hpp"
#include "joulery/scope.hpp"
#include "joulery/session.hpp"
#include "joulery/version.hpp"
