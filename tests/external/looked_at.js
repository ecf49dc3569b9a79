// tests/external/looked_at.js - the pages of pages.cpp, wide, narrow, dark and printed: axe-core finds
// no problem, no text is cut or overlaps, and screenshots are kept for review.
//
//     node looked_at.js FOLDER PICTURES
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");
const { chromium } = require("playwright-core");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [folder, pictures] = process.argv.slice(2);
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const views = {
  wide: { viewport: { width: 1400, height: 900 } },
  narrow: { viewport: { width: 400, height: 800 } },
  dark: { viewport: { width: 1400, height: 900 }, colorScheme: "dark" },
  paper: { viewport: { width: 718, height: 1000 }, colorScheme: "dark" },  // A4 inside its margins
};

// Axis labels that touch one another, and elements that exceed the page.
function faults() {
  const found = [];
  const boxes = [...document.querySelectorAll(".axis")].map((e) => [e, e.getBoundingClientRect()]);
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    if (p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom)
      found.push(`${a.textContent} over ${b.textContent}`);
  }));
  for (const line of document.querySelectorAll("svg.call")) {
    for (const other of document.querySelectorAll("svg.call")) {
      const [p, q] = [line, other].map((e) => e.querySelector("rect").getBoundingClientRect());
      if (line !== other && p.left < q.right - 2 && q.left < p.right - 2 && p.top < q.bottom - 2 &&
          q.top < p.bottom - 2) found.push("a call over another");
    }
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`the page is ${wide} pixels too wide`);
  return found;
}

// A page of 10,252 scopes lays out the first ones and finds any that are searched for.
async function many(page) {
  await page.goto("file://" + path.resolve(folder, "many_scopes.html"));
  const rows = () => page.locator("#scopes tbody tr[data-path]").count();
  assert(await page.evaluate(() => document.querySelectorAll("*").length) < 10000, "too many elements");
  assert(await rows() < 100, "rows that a first look does not need");
  await page.fill("#filter", "extra77");
  assert.strictEqual(await page.textContent("#filter-status"), "111 of 10252 scopes");
  assert.strictEqual(await rows(), 111);
  await page.fill("#filter", "");
  assert.strictEqual(await rows(), 1000);
  await page.click("text=Show 1000 more of 9252");
  assert.strictEqual(await rows(), 2000);
  await page.click("#scopes thead button >> text=energy");
  const first = page.locator("#scopes tbody tr[data-path]").first();
  assert.strictEqual(await first.getAttribute("data-path"), "backward");
  assert.strictEqual(await rows(), 1000);
}

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  let failed = 0;
  for (const name of ["full", "gpu_node", "nothing"]) {
    for (const [view, options] of Object.entries(views)) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      await page.goto("file://" + path.resolve(folder, name + ".html"));
      if (view === "paper") await page.emulateMedia({ media: "print" });
      await page.screenshot({ path: path.join(pictures, `${name}_${view}.png`), fullPage: true });
      const wrong = await page.evaluate(faults);
      await page.evaluate(`(() => { ${axe}\n window.axe_core = axe; })()`);
      const checked = await page.evaluate((tags) => window.axe_core.run(document, { runOnly: tags }), rules);
      assert(checked.passes.length > 15, "axe-core looked at nothing");
      for (const v of checked.violations.filter((v) => view !== "paper" || v.id !== "target-size"))
        wrong.push(`${v.id}: ${v.help}: ${v.nodes[0].html.slice(0, 120)}`);
      if (view === "paper") {
        const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        if (ground !== "rgb(255, 255, 255)") wrong.push("paper is white, not " + ground);
      }
      for (const text of wrong) console.log(`FAILED: ${name}, ${view}: ${text}`);
      failed += wrong.length;
      await context.close();
    }
  }
  await many(await browser.newPage());
  await browser.close();
  if (!failed) console.log("passed: three pages, wide, narrow, dark and on paper, have no faults; one of 10,252 scopes is light");
  process.exit(failed ? 1 : 0);
})();
