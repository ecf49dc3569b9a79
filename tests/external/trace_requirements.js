// tests/external/trace_requirements.js - what importers of the Trace Event Format require of a trace.
// Perfetto's own rules are in its docs/getting-started/other-formats.md and docs/faq.md; what it
// drops and how it counts that, in src/trace_processor/importers/json/ and storage/stats.h.
"use strict";

const is_uint32 = (x) => Number.isInteger(x) && x >= 0 && x < 2 ** 32;
const is_time = (x) => typeof x === "number" && x >= 0 && x * 1000 < 2 ** 63;
const of_phase = (events, ph) => events.filter((e) => e.ph === ph);
const track_of = (e) => `${e.pid}/${e.tid}`;

// Perfetto's importer rounds a begin and a length in the same way: llround(microseconds * 1000).
const in_nanoseconds = (slice) => [Math.round(slice.ts * 1000), Math.round(slice.dur * 1000)];

// The first slice that starts inside another one of its thread and ends after it.
function first_overlap(slices) {
  const open = {};
  const spans = slices.map((e) => [e, ...in_nanoseconds(e)]);
  spans.sort(([, a, a_length], [, b, b_length]) => a - b || b_length - a_length);
  for (const [e, begin, length] of spans) {
    const ends = (open[track_of(e)] ??= []);
    while (ends.length > 0 && ends.at(-1) <= begin) ends.pop();
    if (ends.length > 0 && begin + length > ends.at(-1)) return e;
    ends.push(begin + length);
  }
  return undefined;
}

// Slices of a thread without a name, and names of tracks that aren't text.
function first_unnamed(events) {
  const names = of_phase(events, "M");
  const named = new Set(names.filter((e) => e.name === "thread_name").map(track_of));
  return names.find((e) => typeof e.args?.name !== "string" || e.args.name === "") ??
    of_phase(events, "X").find((e) => !named.has(track_of(e)));
}

// By name: (events, text) => the first event, or piece of text, in violation; undefined if none.
const requirements = {
  // "B, E, X, I, C, M, s, t, f" are shown; the library writes three of them.
  "phase": (events) => events.find((e) => !["X", "C", "M"].includes(e.ph)),
  // CoerceToUint32: anything else becomes process 0, thread 0.
  "process and thread": (events) => events.find((e) => !is_uint32(e.pid) || !is_uint32(e.tid)),
  "name": (events) => events.find((e) => typeof e.name !== "string" || e.name === ""),
  // json_tokenizer_failure: no ts ("metadata events may omit ts");
  // trace_sorter_negative_timestamp_dropped: below 0.
  "time": (events) => events.find((e) => e.ph !== "M" && !is_time(e.ts)),
  // An 'X' without a dur is skipped; `"dur": null` is a json_tokenizer_failure.
  "duration": (events) =>
    of_phase(events, "X").find((e) => !is_time(e.dur) || !is_time(e.ts + e.dur)),
  // "Perfetto's data model requires duration events to nest, as mandated by the spec"; others are
  // dropped, or spilled to another track (slice_{drop,spill}_overlapping_complete_event).
  "nesting": (events) => first_overlap(of_phase(events, "X")),
  // json_parser_failure: args that are not an object, a value that is not a number.
  "counter": (events) => of_phase(events, "C").find((e) =>
    Object.keys(e.args ?? {}).length === 0 || !Object.values(e.args).every(Number.isFinite)),
  // "M (metadata) events for process and thread names": args.name.
  "names of tracks": first_unnamed,
  // Its JSON parser refuses escapes of half a character (kInvalidEscapeSequence).
  "text": (events, text) => /\\u[dD][89a-fA-F][0-9a-fA-F]{2}/.exec(text)?.[0],
};

module.exports = { requirements, in_nanoseconds };
