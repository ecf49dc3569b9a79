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

/// Sum of a[i] * b[i] in integers; in blocks of a known length, so that the compiler uses vector
/// registers at -O2 as well.
inline std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
    constexpr std::size_t block = 64;
    std::int32_t sum = 0;
    std::size_t i = 0;
    for (; i + block <= n; i += block) {
        std::int32_t part = 0;
        for (std::size_t k = 0; k < block; ++k)
            part += std::int16_t{a[i + k]} * std::int16_t{b[i + k]};
        sum += part;
    }
    for (; i < n; ++i) sum += std::int32_t{a[i]} * b[i];
    return sum;
}

/// Eight-bit values and the factor that restores the original numbers: the largest is 127.
inline float quantize(const float* from, std::size_t n, std::int8_t* to) {
    float largest = 1e-12f;
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(from[i]));
    const float scale = largest / 127.0f;
    for (std::size_t i = 0; i < n; ++i)
        to[i] = static_cast<std::int8_t>(from[i] / scale + (from[i] < 0 ? -0.5f : 0.5f));
    return scale;
}

/// A trained network, with a scale for each row of weights; inputs of a layer are quantized on
/// the fly.
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
