// tests/external/chrome_tracing.js - opens traces in Chrome's trace viewer (Catapult, the page
// behind chrome://tracing), as Go's packages carry it, in a real browser.
//
//     node chrome_tracing.js folder_of_trace_viewer_full.html folder_for_screenshots
//         full.json full.trace.json other.trace.json...
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");
const { chromium } = require("playwright-core");
const expected = require("./full_trace.js");

const [viewer, shots, report, full, ...others] = process.argv.slice(2);
const text_of = (file) => fs.readFileSync(file, "utf8");
const errors = [];
const origin = "http://viewer.invalid/";
const page_text = `<!DOCTYPE html><html><head><script src="webcomponents.min.js"></script>
  <link rel="import" href="trace_viewer_full.html"></head><body style="margin: 0"></body></html>`;

// A page with the viewer, served from memory, without network access.
async function open_viewer(browser) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 600 } });
  await page.route("**/*", (route) => {
    const name = route.request().url().slice(origin.length);
    return name === "" ? route.fulfill({ contentType: "text/html", body: page_text })
      : route.fulfill({ path: path.join(viewer, path.basename(name)) });
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(origin);
  await page.waitForFunction(() => window.tr && tr.importer && tr.importer.Import);
  return page;
}

// Imports a trace and puts it on the screen. Runs in the page.
function show(text) {
  window.model = new tr.Model();
  const options = new tr.importer.ImportOptions();
  options.shiftWorldToZero = false;
  new tr.importer.Import(model, options).importTraces([text]);
  const container = document.createElement("track-view-container");
  container.id = "track_view_container";
  const view = document.createElement("tr-ui-timeline-view");
  view.track_view_container = container;
  Polymer.dom(view).appendChild(container);
  view.style.height = "100vh";
  document.body.replaceChildren();
  Polymer.dom(document.body).appendChild(view);
  view.model = model;
}

// What the viewer shows, converted from its milliseconds to microseconds. Runs in the page.
function shown() {
  const all = (f) => Object.values(model.processes).flatMap((p) => Object.values(f(p)));
  const us = (ms) => Math.round(ms * 1e6) / 1e3;
  const slice = (s) => [s.title, us(s.start), us(s.duration), s.subSlices.map(slice)];
  const threads = all((p) => p.threads).filter((t) => t.sliceGroup.length > 0);
  const series = all((p) => p.counters).flatMap((c) => c.series);
  return {
    warnings: model.importWarnings.map((w) => `${w.type}: ${w.message}`),
    processes: Object.values(model.processes).map((p) => p.name),
    threads: Object.fromEntries(threads.map((t) =>
      [t.name, t.sliceGroup.topLevelSlices.map(slice)])),
    counters: Object.fromEntries(series.map((s) => [`${s.counter.name} ${s.name}`,
      s.samples.map((sample) => [us(sample.timestamp), sample.value])])),
    titles: threads.flatMap((t) => t.sliceGroup.slices.map((s) => s.title)).sort(),
  };
}

async function the_full_report(page, text) {
  await page.evaluate(show, text);
  const { titles, ...seen } = await page.evaluate(shown);
  const written = JSON.parse(text_of(report));
  assert.deepStrictEqual(seen, {
    warnings: [],
    processes: [written.context.run_name],
    threads: expected.threads,
    counters: expected.counters(written),
  });
  await page.waitForTimeout(500);  // for the picture only
  await page.screenshot({ path: path.resolve(shots, "full.trace.json.viewer.png") });
  console.log("passed: Chrome's trace viewer shows the full report's scopes and counters");
}

async function no_slice_is_lost(page, file) {
  await page.evaluate(show, text_of(file));
  const slices = JSON.parse(text_of(file)).traceEvents.filter((e) => e.ph === "X");
  const { titles } = await page.evaluate(shown);
  assert.deepStrictEqual(titles, slices.map((e) => e.name).sort(), file);
}

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  try {
    const page = await open_viewer(browser);
    await the_full_report(page, text_of(full));
    for (const file of others) await no_slice_is_lost(page, file);
    assert.deepStrictEqual(errors, []);
    console.log(`passed: it shows ${others.length} other traces, no slice lost`);
  } catch (error) {
    console.log("FAILED: " + (error.stack || error));
    process.exitCode = 1;
  }
  await browser.close();
})();
