// int8_network.hpp - the digits network with weights of eight bits, for inference only.
// Plain C++17, no joulery in it. SPDX-License-Identifier: MIT
#pragma once

#include "digits_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace digits {

/// Sum of a[i] * b[i] in whole numbers; in lanes, for the compiler to use vector registers.
inline std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
    std::int32_t lanes[16] = {};
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (std::size_t lane = 0; lane < 16; ++lane)
            lanes[lane] += static_cast<std::int16_t>(std::int16_t{a[i + lane]} * b[i + lane]);
    std::int32_t sum = 0;
    for (; i < n; ++i) sum += std::int32_t{a[i]} * b[i];
    for (const std::int32_t lane : lanes) sum += lane;
    return sum;
}

/// Eight-bit values and the factor that makes them the original numbers again: the largest is 127.
inline float quantize(const float* from, std::size_t n, std::int8_t* to) {
    float largest = 1e-12f;
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(from[i]));
    const float scale = largest / 127.0f;
    for (std::size_t i = 0; i < n; ++i)
        to[i] = static_cast<std::int8_t>(from[i] / scale + (from[i] < 0 ? -0.5f : 0.5f));
    return scale;
}

/// A trained network, a scale for each row of weights; inputs of a layer are quantized as they
/// come.
class int8_network {
 public:
    explicit int8_network(const network& trained) {
        for (const dense& layer : trained.layers()) {
            quantized q{layer.inputs, layer.outputs, {}, {}, layer.bias};
            q.weights.resize(layer.weights.size());
            for (std::size_t o = 0; o < layer.outputs; ++o)
                q.scales.push_back(
                    quantize(layer.row(o), layer.inputs, q.weights.data() + o * layer.inputs));
            widest_ = std::max(widest_, layer.inputs);
            layers_.push_back(std::move(q));
        }
    }

    /// From w.values.front() to the classes' scores in w.values.back().
    void forward(workspace& w) const {
        thread_local std::vector<std::int8_t> in;
        in.resize(widest_);
        for (std::size_t k = 0; k < layers_.size(); ++k) {
            const quantized& layer = layers_[k];
            const bool last = k + 1 == layers_.size();
            for (std::size_t r = 0; r < w.rows; ++r) {
                const float scale =
                    quantize(w.values[k].data() + r * layer.inputs, layer.inputs, in.data());
                float* out = w.values[k + 1].data() + r * layer.outputs;
                for (std::size_t o = 0; o < layer.outputs; ++o) {
                    const std::int8_t* row = layer.weights.data() + o * layer.inputs;
                    const auto whole = static_cast<float>(dot(row, in.data(), layer.inputs));
                    const float sum = layer.bias[o] + whole * scale * layer.scales[o];
                    out[o] = last ? sum : std::max(sum, 0.0f);
                }
            }
        }
    }

 private:
    struct quantized {
        std::size_t inputs, outputs;
        std::vector<std::int8_t> weights;  // one row of `inputs` values an output
        std::vector<float> scales;         // one a row
        std::vector<float> bias;
    };
    std::vector<quantized> layers_;
    std::size_t widest_ = 0;
};

}  // namespace digits
