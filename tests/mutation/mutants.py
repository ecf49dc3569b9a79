# mutants.py - forty small, realistic mistakes in timing, metering and attribution.
# SPDX-License-Identifier: MIT
"""Each names a file in include/joulery/detail and text that occurs there once. `swap` puts one
expression in another's place, `instead` one statement, `drop` leaves a statement out."""
import collections

Mutant = collections.namedtuple("Mutant", "file kind old new why")
# The tests of those folders.
FOLDERS = "accuracy,attribution,counters,engine,metering,timing"
LEFT_OUT = """simulated bad_backends checkpoint defaults environment forked_child hardware_text host_program
    live_display live_reader own_meter_first out_of_memory privileges process_ends reentrance
    repeating_call report_files scope_ends scope_names session session_environment session_live
    synchronized_scope allocation_sweep stress""".split()


def swap(file, old, new, why):
    return Mutant(file, "swap", old, new, why)


def instead(file, old, new, why):
    return Mutant(file, "instead", old, new, why)


def drop(file, old, why):
    return Mutant(file, "drop", old, None, why)


MUTANTS = [
    # Timing: what a scope's time and calls are.
    swap("timing/scope_node.hpp", "(closed - now)", "closed + now", "a scope opens at minus the present time"),
    swap("timing/scope_node.hpp", "calls.load(std::memory_order_relaxed) + 1",
         "calls.load(std::memory_order_relaxed) + 2", "a call counts twice"),
    swap("timing/scope_node.hpp", "(ticks & (open_bit >> 1)) == 0 ? ticks : 0", "ticks",
         "a scope opened after the snapshot has a huge time"),
    swap("timing/call_recorder.hpp", "call.length() <= calls_.front().length()",
         "call.length() >= calls_.front().length()", "the shortest calls are kept"),
    swap("timing/path_table.hpp", "found != nullptr ? found : add(parent, folded_name)",
         "add(parent, folded_name)", "each name beyond the limit has its own row"),
    # Metering: the values of counters, and when they are read.
    swap("metering/channel_account.hpp", "(wrap_at - before) + now", "(wrap_at - before) + now + 1",
         "a wrap adds a count"),
    swap("metering/channel_account.hpp", "wrapped <= believable", "true", "any wrap is believed"),
    drop("metering/channel_account.hpp", "if (!suspect_->believed) --tally_.resets;",
         "an outlier still counts as a reset"),
    swap("metering/channel_account.hpp",
         "(static_cast<double>(before.raw) + static_cast<double>(now.raw)) / 2",
         "static_cast<double>(now.raw)", "a gauge's new value applies to the time before it"),
    swap("metering/backend_reader.hpp", "plausible_power::of(c).most", "plausible_power::of(c).usual",
         "the longest time without a read assumes usual power"),
    swap("metering/update_tracker.hpp", "static_cast<double>(at) - gap / 2",
         "static_cast<double>(at)", "an update is dated half a gap late"),
    swap("metering/update_tracker.hpp", "std::erfc(a * half_root) - std::erfc(b * half_root)",
         "std::erfc(b * half_root) - std::erfc(a * half_root)",
         "the probability of the other update moves the wrong way"),
    swap("metering/update_tracker.hpp", "-reads / all * off", "reads / all * off",
         "a late update moves its date forward, not back"),
    swap("metering/update_tracker.hpp", "covariance_ + n * period_variance_", "covariance_",
         "the learned period ignores its own uncertainty"),
    swap("metering/read_schedule.hpp", "tracker.predicted(n) - margin(tracker, n);",
         "tracker.predicted(n) + margin(tracker, n);", "waiting for an update begins after it"),
    drop("metering/read_schedule.hpp",
         "spent_ += cost + (stays_awake() ? step_ : budget_.step_cost / 4);",
         "reads in short steps cost the budget nothing"),
    swap("metering/read_schedule.hpp", "varied(most)", "most",
         "samples are evenly spaced"),
    swap("metering/power_recorder.hpp", "(covered / length)", "1.0",
         "each step gets all of a record's energy"),
    swap("metering/read_schedule.hpp", "used / time / processors_", "used / time",
         "the samplers' share is relative to one processor"),
    swap("metering/process_share.hpp", "(own - own_) / (busy - busy_)", "own / busy",
         "the process's share is since boot"),
    # Attribution: who gets which part of a channel's energy.
    swap("attribution/open_times.hpp", "whole - children", "whole",
         "a parent's own time includes its children's"),
    swap("attribution/open_times.hpp", "std::exchange(inside_[i], 0.0)", "inside_[i]",
         "children's time of the last row is kept"),
    swap("attribution/open_times.hpp", "(busy - before) / seconds", "busy / seconds",
         "a thread's busy time is since its start"),
    swap("attribution/overlap.hpp", "1 - std::min(b, 1.0);", "std::min(b, 1.0);",
         "busy and idle parts are swapped"),
    swap("attribution/overlap.hpp", "all_idle ? weight : 0", "weight",
         "every sample finds all threads idle"),
    swap("attribution/row_builder.hpp", "part * work * own.turns / all",
         "part * own.turns / all",
         "scopes also get the time outside"),
    drop("attribution/row_builder.hpp", "t.ticks -= part;",
         "the time of edge reads stays with the scopes"),
    swap("attribution/busy_shares.hpp", "own.seconds * busy / all", "own.seconds",
         "waiting threads weigh as much as running ones"),
    swap("attribution/row_builder.hpp", "has_device ? 1 - busy : 1", "1.0",
         "host threads get a device's energy while it is busy with marked work"),
    swap("attribution/column_sums.hpp", "crossed[q] * known.watts(q)",
         "-crossed[q] * known.watts(q)", "the correction adds what it should subtract"),
    swap("attribution/disaggregation.hpp", "explained_[rows_[p].column] * part",
         "explained_[rows_[p].column]", "each path of a column gets the whole correction"),
    swap("attribution/disaggregation.hpp", "r.random += part.in_all * part.in_all * variance",
         "r.random += part.in_all * variance",
         "a boundary's variance is not squared in the share"),
    swap("attribution/channel_attribution.hpp", "joules * (1 - own_share)", "joules * own_share",
         "other processes get this process's energy"),
    drop("attribution/row_builder.hpp", "to_fit_.clear();",
         "rows of the regression are not cleared"),
    swap("attribution/channel_attribution.hpp", "bill_joules_ - others_ - start_.joules",
         "bill_joules_ - others_", "energy from before the run is counted"),
    drop("attribution/channel_energies.hpp", "sums_.clear();",
         "rows are committed repeatedly"),
    swap("attribution/published_energies.hpp", "std::max(now[p].self - published_[p], 0.0) * kept",
         "now[p].self - published_[p]", "published energy may fall"),
    instead("attribution/power_regression.hpp", "for (double& x : seconds_) x *= keep;",
            "for (double& x : seconds_) x /= keep;", "the past grows instead of fading"),
    swap("attribution/noise_filter.hpp", "gain[i] * gain[j] * variance",
         "gain[i] * gain[j]", "the filter's covariance update is wrong"),
    swap("session/finish_report.hpp", "shared ? r.context.duration / in_scopes : 1.0", "1.0",
         "overlapping scopes each get all of the idle power"),
]
