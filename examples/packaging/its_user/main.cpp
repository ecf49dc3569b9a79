#include <trainer.hpp>

int main() {
    const joulery::report r = train(3);
    const joulery::scope_row* step = r.find("step");
    return step != nullptr && step->calls == 3 ? 0 : 1;
}
