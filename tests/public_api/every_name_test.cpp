// every_name_test.cpp - every public name, as spelled in the documentation, from the umbrella and
// from figures.hpp alone. Other programs depend on these: what does not compile here breaks them.
#include <joulery/figures.hpp>
//
#include <joulery/joulery.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {
using namespace joulery::literals;
using std::chrono_literals::operator""ms;

class wall_meter final : public joulery::backend {
 public:
    wall_meter() {
        joulery::channel c;
        c.id = "wall/meter";
        c.model = "a meter";
        c.part = joulery::component::platform;
        c.kind = joulery::reading_kind::energy_counter;
        c.provenance = joulery::quality::measured;
        c.joules_per_count = 1e-6;
        c.wrap_at = 0;
        c.update_period = 1ms;
        c.max_watts = 1e9;
        c.parent = "";
        channels_.push_back(c);
    }
    std::string_view name() const noexcept override { return "wall-meter"; }
    const std::vector<joulery::channel>& channels() const noexcept override { return channels_; }
    joulery::read_status read(joulery::counter_span out) noexcept override {
        out[0] = count_ += 1'000'000;
        return joulery::read_status::ok;
    }

 private:
    std::vector<joulery::channel> channels_;
    std::uint64_t count_ = 0;
};

joulery::options one_backend() {
    joulery::options o;
    o.backends.push_back(std::make_unique<wall_meter>());
    return o;
}
}  // namespace

TEST_CASE("names: units are made and read by name, and literals spell them") {
    CHECK(joulery::energy::from_joules(3.6e6).kilowatt_hours() == 1);
    CHECK(joulery::power::from_watts(2).watts() == 2);
    CHECK(joulery::emissions::from_grams(1500).kilograms() == 1.5);
    CHECK(joulery::carbon_intensity::from_grams_per_kwh(56).grams_per_kwh() == 56);
    CHECK((5_J).joules() == 5);
    CHECK((3_mJ + 7_uJ).joules() == 0.003 + 7e-6);
    CHECK((1_kJ).joules() == 1000);
    CHECK((2_Wh).joules() == 7200);
    CHECK((1_kWh).kilowatt_hours() == 1);
    CHECK((250_W).watts() == 250);
    CHECK((5_mW).watts() == 0.005);
    CHECK((1_kW).watts() == 1000);
    CHECK((12_g).grams() == 12);
    CHECK((3_kg).grams() == 3000);
    CHECK((56_g_per_kWh).grams_per_kwh() == 56);
}

TEST_CASE("names: another thread's work joins a scope through its handle") {
    joulery::meter m{one_backend()};
    {
        joulery::scope owner{m, "request"};
        const joulery::scope_handle handle = owner.handle();
        std::thread([handle] { joulery::task_scope t{handle, "decode"}; }).join();
    }
    const joulery::report r = m.snapshot();
    REQUIRE(r.scopes.size() == 2);
    CHECK(r.scopes[1].name == "decode");
    CHECK(r.scopes[1].parent == 0);
}

TEST_CASE("names: a span is moved to another thread, which works for it and ends it") {
    joulery::meter m{one_backend()};
    joulery::span request{m, "request"};
    joulery::used u;
    std::thread([&u, r = std::move(request)]() mutable {
        { joulery::task_scope t{r, "decode"}; }
        r.add_items(128, "token");
        u = r.end();
    }).join();
    CHECK(u.time.count() >= u.busy_time.count());
    CHECK(u.energy.joules() >= 0);
    CHECK(u.uncertainty.joules() >= 0);
    CHECK(u.co2e.grams() >= 0);
    CHECK(u.provenance != joulery::quality::measured);
    CHECK(m.snapshot().find("request")->items == 128);
}

TEST_CASE("names: a scope takes any string, and macros open scopes") {
    joulery::start(one_backend());
    const std::string text = "string";
    char buffer[] = "buffer";
    const char* pointer = "pointer";
    {
        joulery::scope literal{"train/step"};
        joulery::scope from_string{text};
        joulery::scope from_view{std::string_view(text)};
        joulery::scope from_buffer{buffer};
        joulery::scope from_pointer{pointer};
        const joulery::scope_name kept{text + " kept"};
        joulery::scope from_kept{kept};
        literal.add_items(32, "sample");
        JOULERY_SCOPE("macro");
        JOULERY_FUNCTION();
        CHECK(static_cast<bool>(literal));
    }
    int waits = 0;
    {
        joulery::synchronized_scope s{"launch", [&] { ++waits; }};
    }
    CHECK(waits == 2);
    const joulery::report r = joulery::snapshot();
    REQUIRE(r.find("train/step") != nullptr);
    CHECK(r.find("train/step")->name == "train/step");
    CHECK(r.find("train/step")->items == 32);
    joulery::set_enabled(false);
    joulery::set_enabled(true);
    joulery::clear_live_line();
    joulery::stop();
    static_assert(std::is_class_v<joulery::scope>);
    static_assert(!std::is_copy_constructible_v<joulery::scope>);
    static_assert(!std::is_constructible_v<joulery::scope, int>);
}

TEST_CASE("names: a stream scope is written with its marks") {
    joulery::meter m{one_backend()};
    joulery::device_timeline gpu;
    joulery::device_stream stream{gpu};
    const auto mark = [](joulery::stream_mark at) { at(); };
    { joulery::stream_scope s{m, stream, "forward", mark, mark}; }
    CHECK(m.snapshot().find("forward") != nullptr);
}

TEST_CASE("names: every option has its name") {
    joulery::options o = one_backend();
    o.run_name = "names";
    o.period = 10ms;
    o.overhead_budget = 0.01;
    o.attribution = joulery::attribution::shared;
    o.attribution = joulery::attribution::inclusive;
    o.attribution = joulery::attribution::process;
    o.carbon = *joulery::carbon_for("FR");
    o.reports = {};
    joulery::start(std::move(o));
    CHECK(joulery::snapshot().context.run_name == "names");
    joulery::stop();
}

TEST_CASE("names: a user's own meter reads, and the difference of two readings is energy") {
    joulery::meter m{one_backend()};
    const joulery::reading a = m.read();
    const joulery::reading b = m.read();
    const joulery::energy e = (b - a).total();
    CHECK(e.joules() > 0);
    { joulery::scope s{m, "name"}; }
    CHECK(m.snapshot().find("name")->calls == 1);
}

TEST_CASE("names: a meter without stated backends uses the machine's, no_backends() uses none") {
    joulery::options none;
    none.backends = joulery::no_backends();
    CHECK(joulery::meter{std::move(none)}.channels().empty());
}

TEST_CASE("names: a function becomes a backend in three lines") {
    joulery::channel c;
    c.kind = joulery::reading_kind::power_gauge;
    joulery::options o;
    o.backends.push_back(joulery::make_backend("bench", c, [] { return 12.5; }));
    const joulery::meter m{std::move(o)};
    REQUIRE(m.channels().size() == 1);
    CHECK(m.channels()[0].id == "bench");
}

TEST_CASE("names: a report is plain data, and goes to text, JSON, files and back") {
    joulery::meter m{one_backend()};
    { joulery::scope s{m, "a"}; }
    const joulery::report before = m.snapshot();
    { joulery::scope s{m, "a"}; }
    const joulery::report r = m.snapshot();
    const joulery::scope_row* row = r.find("a");
    REQUIRE(row != nullptr);
    static_assert(std::is_same_v<decltype(row->parent), std::size_t>);
    static_assert(std::is_same_v<decltype(row->time), joulery::seconds>);
    static_assert(std::is_same_v<decltype(row->call_time), joulery::percentiles<joulery::seconds>>);
    static_assert(
        std::is_same_v<decltype(row->call_energy), joulery::percentiles<joulery::energy>>);
    CHECK(row->call_energy.p50 + row->call_energy.p90 + row->call_energy.p99 >= 0_J);
    CHECK(row->call_energy.max >= 0_J);
    CHECK(row->total + row->self >= 0_J);
    CHECK(row->by_channel.size() == r.channels.size());
    CHECK(row->uncertainty >= 0_J);
    CHECK(row->co2e >= 0_g);
    CHECK(row->provenance <= joulery::quality::partial);
    CHECK(r.unscoped.joules() <= r.total.joules() * (1 + 1e-12));  // a sum and one part of it
    CHECK(r.co2e >= 0_g);
    CHECK(r.overhead.samples + r.warnings.size() + 1 > 0);
    const joulery::run_context& context = r.context;
    CHECK_FALSE(context.run_id.empty());

    CHECK(joulery::difference(r, before).find("a")->calls == 1);
    CHECK(joulery::merge(r, before).find("a")->calls == 2);  // one run, and an earlier state of it
    CHECK(joulery::to_text(r).find("a") != std::string::npos);
    const joulery::result<joulery::report> back = joulery::from_json(joulery::to_json(r));
    REQUIRE(back);
    CHECK(back->find("a")->calls == 2);
    const joulery::status failed = joulery::write_report(r, "/nowhere/at/all.json");
    CHECK_FALSE(failed);
    CHECK_FALSE(failed.error().reason.empty());
}

TEST_CASE("names: figures are written as in the library's own tables") {
    CHECK(to_text(1234_J) == "1.23 kJ");
    CHECK(joulery::count_text(1234567) == "1.23 M");
    CHECK(joulery::percent_text(0.0512) == "5.12 %");
    CHECK(joulery::format_significant(3552000.5, 6) == "3552000");
    CHECK(joulery::with_quality_prefix("5 J", joulery::quality::estimated) == "~5 J");
    CHECK(joulery::escape_control("a\nb") == "a\\x0ab");
    joulery::text_grid grid({{"scope", 0}, {"energy", 9}});
    grid.add({"train", "5 J"});
    CHECK(grid.render(80, false) == "scope  energy\ntrain     5 J\n");
}
