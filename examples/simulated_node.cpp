// simulated_node.cpp - the report of a node with two sockets and four GPUs, whose true power is
// known: nothing here is measured, and no machine is needed to see what a report looks like.
//
//     simulated_node [run.html ...]     the table, and report files of any format
#include <joulery/full.hpp>
#include <joulery/testing/simulated_machine.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t sockets = 2, gpus = 4;

/// Like RAPL for the sockets and their memory, like NVML for the boards.
std::vector<joulery::testing::simulated_counter> counters() {
    std::vector<joulery::testing::simulated_counter> all;
    const auto add = [&all](std::string id, joulery::component part, double step,
                            std::chrono::nanoseconds period) {
        joulery::testing::simulated_counter c;
        c.id = std::move(id);
        c.part = part;
        c.quantum = step;
        c.period = period;
        all.push_back(std::move(c));
    };
    for (std::size_t i = 0; i < sockets; ++i) {
        const std::string cpu = "cpu" + std::to_string(i);
        add(cpu + "/package", joulery::component::cpu, 61e-6, 1ms);
        add(cpu + "/dram", joulery::component::dram, 15.3e-6, 1ms);
    }
    for (std::size_t i = 0; i < gpus; ++i)
        add("gpu/" + std::to_string(i) + "/board", joulery::component::gpu, 1e-3, 100ms);
    return all;
}

/// The node's power in one phase of its work.
struct phase {
    joulery::power package, memory, board;
};
constexpr phase loading{joulery::power::from_watts(140), joulery::power::from_watts(31),
                        joulery::power::from_watts(122)};
constexpr phase forward{joulery::power::from_watts(95), joulery::power::from_watts(18),
                        joulery::power::from_watts(540)};
constexpr phase backward{joulery::power::from_watts(98), joulery::power::from_watts(19),
                         joulery::power::from_watts(615)};
constexpr phase updating{joulery::power::from_watts(104), joulery::power::from_watts(27),
                         joulery::power::from_watts(360)};
constexpr phase saving{joulery::power::from_watts(88), joulery::power::from_watts(16),
                       joulery::power::from_watts(121)};

void run(joulery::testing::simulated_machine& node, const phase& p, std::chrono::nanoseconds time) {
    for (std::size_t i = 0; i < sockets; ++i) {
        node.draw(2 * i, p.package);
        node.draw(2 * i + 1, p.memory);
    }
    for (std::size_t i = 0; i < gpus; ++i) node.draw(2 * sockets + i, p.board);
    node.run(time);
}

}  // namespace

int main(int count, char** files) {
    joulery::testing::simulated_machine node;
    joulery::options chosen = node.options_with(counters());
    chosen.run_name = "simulated node";
    chosen.carbon = *joulery::carbon_for("aws:eu-west-3");
    joulery::meter meter{std::move(chosen)};
    node.attach(meter);

    run(node, loading, 40s);  // the program starts: outside all scopes
    for (int epoch = 0; epoch < 3; ++epoch) {
        joulery::scope whole{meter, "epoch"};
        for (int step = 0; step < 40; ++step) {
            {
                joulery::scope s{meter, "load"};
                run(node, loading, 310ms + std::chrono::milliseconds(10 * (step % 7)));
            }
            joulery::scope s{meter, "step"};
            s.add_items(256, "sample");
            {
                joulery::scope f{meter, "forward"};
                run(node, forward, 1630ms);
            }
            {
                joulery::scope b{meter, "backward"};
                run(node, backward, 3110ms + std::chrono::milliseconds(10 * (step % 5)));
            }
            joulery::scope u{meter, "update"};
            run(node, updating, 240ms);
        }
        joulery::scope s{meter, "checkpoint"};
        run(node, saving, 9s);
    }

    const joulery::report r = meter.snapshot();
    std::printf("%s", to_text(r).c_str());
    for (int i = 1; i < count; ++i)
        if (const joulery::status done = joulery::write_report(r, files[i]); !done) {
            std::fprintf(stderr, "simulated_node: %s\n", done.error().reason.c_str());
            return 1;
        }
    return 0;
}
