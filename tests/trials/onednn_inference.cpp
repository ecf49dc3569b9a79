// onednn_inference.cpp - a small convolutional network with oneDNN, one image at a time, layer by
// layer. Lines with "joulery" are what measuring it added; trials.py takes them out again.
#include <joulery/joulery.hpp>

#include <dnnl.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using dims = memory::dims;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

memory filled(const memory::desc& d, const engine& on, float value) {
    memory m(d, on);
    auto* const data = static_cast<float*>(m.get_data_handle());
    for (std::size_t i = 0; i < d.get_size() / sizeof(float); ++i)
        data[i] = value * static_cast<float>(i % 7);
    return m;
}

struct layer {
    primitive run;
    std::unordered_map<int, memory> with;
};

// A 3 by 3 convolution with ReLU, in the library's preferred layout.
layer convolution(const engine& on, memory& data, int from, int to, int size) {
    const memory::desc in({1, from, size, size}, memory::data_type::f32, memory::format_tag::nchw);
    const memory::desc weights({to, from, 3, 3}, memory::data_type::f32, memory::format_tag::oihw);
    const memory::desc out({1, to, size, size}, memory::data_type::f32, memory::format_tag::nchw);
    const convolution_forward::desc what(prop_kind::forward_inference,
                                         algorithm::convolution_direct, in, weights, out, {1, 1},
                                         {1, 1}, {1, 1});
    post_ops after;
    after.append_eltwise(1.0f, algorithm::eltwise_relu, 0.0f, 0.0f);
    primitive_attr how;
    how.set_post_ops(after);
    memory result(out, on);
    layer l{convolution_forward({what, how, on}),
            {{DNNL_ARG_SRC, data},
             {DNNL_ARG_WEIGHTS, filled(weights, on, 0.001f)},
             {DNNL_ARG_DST, result}}};
    data = result;
    return l;
}

layer pooling(const engine& on, memory& data, int channels, int size) {
    const memory::desc in({1, channels, size, size}, memory::data_type::f32,
                          memory::format_tag::nchw);
    const memory::desc out({1, channels, size / 2, size / 2}, memory::data_type::f32,
                           memory::format_tag::nchw);
    const pooling_forward::desc what(prop_kind::forward_inference, algorithm::pooling_max, in, out,
                                     {2, 2}, {2, 2}, {0, 0}, {0, 0});
    memory result(out, on);
    layer l{pooling_forward({what, on}), {{DNNL_ARG_SRC, data}, {DNNL_ARG_DST, result}}};
    data = result;
    return l;
}

int main(int argc, char** argv) {
    const int images = argc > 1 ? std::atoi(argv[1]) : 200;
    const engine on(engine::kind::cpu, 0);
    stream run(on);
    memory data = filled({{1, 3, 64, 64}, memory::data_type::f32, memory::format_tag::nchw}, on, 1);
    layer first = convolution(on, data, 3, 32, 64);
    layer pool = pooling(on, data, 32, 64);
    layer second = convolution(on, data, 32, 64, 32);
    layer third = convolution(on, data, 64, 64, 32);
    double spent[4] = {};
    const double begun = seconds_now();
    for (int i = 0; i < images; ++i) {
        joulery::scope image{"image"};
        image.add_items(1, "image");  // joulery
        double at = seconds_now();
        const auto lap = [&](int phase) {
            const double now = seconds_now();
            spent[phase] += now - at;
            at = now;
        };
        {
            joulery::scope s{"first"};
            first.run.execute(run, first.with);
            run.wait();
        }
        lap(0);
        {
            joulery::scope s{"pool"};
            pool.run.execute(run, pool.with);
            run.wait();
        }
        lap(1);
        {
            joulery::scope s{"second"};
            second.run.execute(run, second.with);
            run.wait();
        }
        lap(2);
        {
            joulery::scope s{"third"};
            third.run.execute(run, third.with);
            run.wait();
        }
        lap(3);
    }
    std::printf(
        "first value %g\nphase image/first %.6f\nphase image/pool %.6f\n"
        "phase image/second %.6f\nphase image/third %.6f\ntotal %.6f\n",
        static_cast<double>(static_cast<float*>(data.get_data_handle())[5]), spent[0], spent[1],
        spent[2], spent[3], seconds_now() - begun);
}
