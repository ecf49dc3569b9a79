// carbon.hpp - from joules to CO2e: grid factors, PUE, water, embodied emissions.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_for.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/carbon/embodied.hpp"
#include "joulery/carbon/grid_factor_for.hpp"
