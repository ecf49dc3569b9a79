// tests/external/full_trace.js - what a viewer must show of the trace of
// tests/report/golden/full.json, in microseconds.
"use strict";

// [name, begin, length, children] of each slice, by thread.
const threads = {
  "main": [["train", 1e6, 1e7, [["forward", 1e6, 4e6, []]]]],
  'worker "1"': [["übung 訓練", 5e6, 5e6, []]],
};

// [time, watts] of every step that has a value, then the end; by channel.
function counters(report) {
  const { begin_s, step_s, watts } = report.history;
  const at = (step) => (begin_s + step_s * step) * 1e6;
  return Object.fromEntries(watts.map((series, c) => [`power ${report.channels[c].id} W`,
    [...series, 0].map((w, i) => [at(i), w]).filter(([, w]) => w !== null)]));
}

module.exports = { threads, counters };
