// own_backend.cpp - plugging in meters of your own: three lines for a single value, a small class
// for a device with several. Both devices here are made up, so that the program runs anywhere.
#include <joulery/joulery.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace {

/// Two rails, each with a 32-bit counter of microjoules.
class rail_monitor final : public joulery::backend {
 public:
    rail_monitor() {
        for (const char* id : {"node/rail0", "node/rail1"}) {
            joulery::channel c;
            c.id = id;
            c.part = joulery::component::board;
            c.parent = "bench/supply";  // feeds both, so only its own counter is summed
            c.joules_per_count = 1e-6;
            c.wrap_at = std::uint64_t{1} << 32;  // the meter reads often enough to miss none
            channels_.push_back(c);
        }
    }
    std::string_view name() const noexcept override { return "rail-monitor"; }
    const std::vector<joulery::channel>& channels() const noexcept override { return channels_; }

    joulery::read_status read(joulery::counter_span out) noexcept override {
        const std::chrono::duration<double, std::micro> on =
            std::chrono::steady_clock::now() - switched_on_;
        out[0] = static_cast<std::uint64_t>(3.3 * on.count()) % channels_[0].wrap_at;   // 3.3 W
        out[1] = static_cast<std::uint64_t>(12.0 * on.count()) % channels_[1].wrap_at;  // 12 W
        return joulery::read_status::ok;
    }

 private:
    std::chrono::steady_clock::time_point switched_on_ = std::chrono::steady_clock::now();
    std::vector<joulery::channel> channels_;
};

double read_lab_supply_in_watts() { return 42.0; }

}  // namespace

int main() {
    joulery::options chosen;

    joulery::channel supply;
    supply.id = "bench/supply";
    supply.kind = joulery::reading_kind::power_gauge;
    chosen.backends.push_back(joulery::make_backend("lab", supply, read_lab_supply_in_watts));

    chosen.backends.push_back(std::make_unique<rail_monitor>());
    joulery::start(std::move(chosen));

    double x = 0;
    {
        joulery::scope s{"work"};
        for (int i = 0; i < 20'000'000; ++i) x = std::cos(x + i);
    }
    std::printf("x = %.6f\n\n%s", x, to_text(joulery::snapshot()).c_str());
}
