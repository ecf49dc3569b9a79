#include "trainer.hpp"

joulery::report train(int steps) {
    for (int i = 0; i < steps; ++i) JOULERY_SCOPE("step");
    return joulery::snapshot();
}
