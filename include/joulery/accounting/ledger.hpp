// ledger.hpp - a file to which every run adds its line, and that nobody rewrites.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/accounting/ledger_entry.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {

/// Adds one line to a ledger, creating it where there is none. What the file holds already is never
/// changed: a line that an earlier writer left unfinished is ended, and stays for readers to skip.
///
/// Thread: any thread, any process; writers wait for each other (flock), for the time of a write.
/// Fails:  the reason names the file and what the system said. A full disk may leave an unfinished
///         line; the next writer ends it.
///
///     if (auto done = append_to_ledger("energy.jsonl", *entry); !done) complain(done.error());
JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/locked_file.hpp"

#include <cstring>

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry) {
#if JOULERY_POSIX()
    std::string line = to_json_line(entry) + "\n";
    detail::locked_file file(path);
    if (file.error() == 0 && file.torn()) line.insert(line.begin(), '\n');
    if (file.error() == 0) file.append(line);
    if (file.error() == 0) return line.size();
    return failure{"ledger " + path + " not written: " + std::strerror(file.error()),
                   "name a file in a folder that exists and that you may write to"};
#else
    (void)entry;
    return failure{"ledger " + path + " not written: this system has no file locks we know",
                   "keep the run's report.json instead"};
#endif
}

}  // namespace v1
}  // namespace joulery

#endif
