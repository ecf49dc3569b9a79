// trainer.hpp - a library whose users see joulery.
#pragma once
#include <joulery/joulery.hpp>

joulery::report train(int steps);
