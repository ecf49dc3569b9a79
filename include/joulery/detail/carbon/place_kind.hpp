// place_kind.hpp - which of the tables a place stands in.
// SPDX-License-Identifier: MIT
#pragma once

namespace joulery {
inline namespace v1 {

enum class place_kind : unsigned char { country, aggregate, state, subregion, province, cloud };

namespace detail {
/// A name of a place and where it stands.
struct place_key {
    const char* key;  ///< folded, see fold_place
    place_kind kind;
    short row;
};
}  // namespace detail

}  // namespace v1
}  // namespace joulery
