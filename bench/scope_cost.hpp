// What scope_cost.cpp measures from a second translation unit, compiled with JOULERY_DISABLE.
#pragma once

void disabled_scopes(int times);
void no_scopes(int times);
