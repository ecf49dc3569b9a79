// tests/external/trace_engine.js - reads traces with Chrome DevTools' own engine, which has no
// counter tracks, after checking what Perfetto's importer requires (it is in no package).
//
//     node trace_engine.js full.json full.trace.json recorded.trace.json hostile.trace.json...
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");
const { pathToFileURL } = require("url");
const expected = require("./full_trace.js");
const { requirements, in_nanoseconds } = require("./trace_requirements.js");

// The engine needs functions of Node 22; Debian 12 has 18.
URL.parse ??= (text, base) => {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
};

const package_folder = path.dirname(require.resolve("@paulirish/trace_engine/package.json"));
const load = (file) => import(pathToFileURL(path.join(package_folder, file)).href);
const text_of = (file) => fs.readFileSync(file, "utf8");
const slices_of = (events) => events.filter((e) => e.ph === "X");

// The names of the requirements that the text of a trace violates.
function broken_by(text) {
  const { traceEvents } = JSON.parse(text);
  return Object.keys(requirements)
    .filter((name) => requirements[name](traceEvents, text) !== undefined);
}

// The engine's model of a trace, on a private copy, as it changes its input.
async function read(engine, events) {
  const model = engine.TraceModel.Model.createWithAllHandlers();
  await model.parse(structuredClone(events));
  return model.parsedTrace();
}

const threads_of = (trace) =>
  [...trace.data.Renderer.processes.values()].flatMap((p) => [...p.threads.values()]);

// [name, ts, dur, children] of every slice, by thread name.
function trees_of(trace) {
  const slice = (node) =>
    [node.entry.name, node.entry.ts, node.entry.dur, node.children.map(slice)];
  return Object.fromEntries(threads_of(trace).map((t) => [t.name, [...t.tree.roots].map(slice)]));
}

async function the_full_report(engine, run_name, text) {
  assert.deepStrictEqual(broken_by(text), []);
  const trace = await read(engine, JSON.parse(text).traceEvents);
  assert.strictEqual(trace.data.Meta.traceIsGeneric, true);
  assert.strictEqual(trace.data.Meta.processNames.get(1).args.name, run_name);
  assert.deepStrictEqual(trees_of(trace), expected.threads);
  console.log("passed: DevTools' trace engine finds the full report's scopes");
}

// A run of a real program: every recorded call inside its caller.
async function a_recorded_run(engine, text) {
  assert.deepStrictEqual(broken_by(text), []);
  const events = JSON.parse(text).traceEvents;
  const trace = await read(engine, events);
  let seen = 0;
  for (const [slice, node] of trace.data.Renderer.entryToNode) {
    const path_of = (n) => (n ? [...path_of(n.parent), n.entry.name] : []);
    assert.strictEqual(path_of(node).join("/"), slice.args.path);
    seen += 1;
  }
  assert(seen > 0, "nothing was recorded");
  assert.strictEqual(seen, slices_of(events).length);
  console.log(`passed: it finds ${seen} calls of a recorded run, each in its parent`);
}

// Their times are random, so they can't nest; all other requirements hold.
async function a_hostile_report(engine, text, file) {
  assert.deepStrictEqual(broken_by(text).filter((name) => name !== "nesting"), [], file);
  const events = JSON.parse(text).traceEvents;
  const trace = await read(engine, events);
  const spans = (slices) =>
    slices.map((e) => JSON.stringify([e.tid, e.name, ...in_nanoseconds(e)])).sort();
  const entries = threads_of(trace).flatMap((t) => t.entries);
  assert.deepStrictEqual(spans(entries), spans(slices_of(events)), file);
}

// Violates each requirement once, which must be detected.
function every_requirement_can_fail(text) {
  const breaks = {
    "phase": (e) => (e[0].ph = "?"),
    "process and thread": (e) => delete e[4].pid,
    "name": (e) => delete e[3].name,
    "time": (e) => (e[9].ts = -1),
    "duration": (e) => (e[3].dur = null),
    "nesting": (e) => Object.assign(e[4], { ts: 2e6, dur: 2e7 }),
    "counter": (e) => (e[9].args.W = "30 W"),
    "names of tracks": (e) => e.splice(1, 1),
    "text": (e) => (e[3].name = "\\ud83d\\udd25"),  // as two escapes
  };
  assert.deepStrictEqual(Object.keys(breaks), Object.keys(requirements));
  for (const [name, damage] of Object.entries(breaks)) {
    const trace = JSON.parse(text);
    damage(trace.traceEvents);
    const broken = broken_by(JSON.stringify(trace).replaceAll("\\\\u", "\\u"));
    assert(broken.includes(name), `${name} holds for a trace that breaks it: ${broken}`);
  }
  console.log(`passed: ${Object.keys(breaks).length} requirements of importers, each seen broken`);
}

(async () => {
  const [report, full, recorded, ...hostile] = process.argv.slice(2);
  const { polyfillDOMRect } = await load("analyze-trace.mjs");
  polyfillDOMRect();
  const engine = await load("models/trace/trace.js");
  await the_full_report(engine, JSON.parse(text_of(report)).context.run_name, text_of(full));
  every_requirement_can_fail(text_of(full));
  await a_recorded_run(engine, text_of(recorded));
  for (const file of hostile) await a_hostile_report(engine, text_of(file), file);
  console.log(`passed: ${hostile.length} hostile reports, trace`);
})().catch((error) => {
  console.log("FAILED: " + (error.stack || error));
  process.exitCode = 1;
});
