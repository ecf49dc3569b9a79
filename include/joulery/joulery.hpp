// joulery.hpp - what most programs need.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/carbon.hpp"
#include "joulery/macros.hpp"
#include "joulery/meter.hpp"
#include "joulery/quality.hpp"
#include "joulery/report.hpp"
#include "joulery/report_io.hpp"
#include "joulery/result.hpp"
#include "joulery/scope.hpp"
#include "joulery/session.hpp"
#include "joulery/span.hpp"
#include "joulery/stream_scope.hpp"
#include "joulery/units.hpp"
#include "joulery/version.hpp"
