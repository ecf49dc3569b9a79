// scope_name.hpp - the name of a scope that is made at run time, kept for many calls.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/name_key.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

/// A scope name that is built at run time, once, and used many times: a scope opened with it costs
/// what a literal costs, while a `std::string` is looked up at every call.
///
/// Thread: any number of threads may open scopes with one name. Cost: copies the text once.
/// Fails:  never; without memory its scopes are called "(unnamed)".
///
///     static const joulery::scope_name attention{"blk." + std::to_string(layer) + ".attn_q"};
///     joulery::scope s{attention};
class scope_name {
 public:
    explicit scope_name(std::string_view text) noexcept
        : text_(new (std::nothrow) char[text.size() + 1]) {
        if (text_ == nullptr) return;
        size_ = text.size();
        if (size_ > 0) std::memcpy(text_, text.data(), size_);
        text_[size_] = '\0';
        key_ = detail::name_key::of(text_, size_);
    }
    scope_name(scope_name&& other) noexcept
        : text_(std::exchange(other.text_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          key_(std::exchange(other.key_, 0)) {}
    scope_name& operator=(scope_name&& other) noexcept {
        std::swap(text_, other.text_);
        std::swap(size_, other.size_);
        std::swap(key_, other.key_);
        return *this;
    }
    ~scope_name() { delete[] text_; }

    [[nodiscard]] std::string_view text() const noexcept {
        return text_ != nullptr ? std::string_view(text_, size_) : std::string_view();
    }
    /// What scopes are found by; the same for the same text.
    [[nodiscard]] std::uint64_t key() const noexcept { return key_; }

 private:
    char* text_;
    std::size_t size_ = 0;
    std::uint64_t key_ = 0;
};

}  // namespace v1
}  // namespace joulery
