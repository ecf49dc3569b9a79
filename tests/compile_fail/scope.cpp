// Scopes can't be copied, moved, put on the heap or left unnamed.
#include "joulery/scope.hpp"

#include <utility>

void lives_in_its_block() {
    joulery::scope s{"outer"};
    //! fails: deleted
    //!     joulery::scope copy = s;
    joulery::scope other{"inner"};
    //! fails: deleted
    //!     joulery::scope moved = std::move(s);
    other.add_items(1, "sample");
    //! fails: deleted
    //!     other = s;
    //! fails: deleted
    //!     other = std::move(s);
    //! fails: deleted
    //!     auto* on_the_heap = new joulery::scope{"heap"};
    //! fails: deleted
    //!     auto* many_on_the_heap = new joulery::scope[2]{{"a"}, {"b"}};
}

void has_a_name() {
    joulery::scope s{"name"};
    //! fails: no matching|no default constructor
    //!     joulery::scope nameless;
}
