// tests/external/flame_graphs.js - opens energy profiles, and a trace, in speedscope itself, in a real
// browser.
//
//     node flame_graphs.js folder_for_screenshots profile...
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");
const { chromium } = require("playwright-core");

const speedscope = path.join(path.dirname(require.resolve("speedscope/package.json")),
  "dist/release/index.html");
const [shots, ...profiles] = process.argv.slice(2);

// speedscope's way to open a local file: a script that passes its content.
async function open(browser, profile) {
  const name = path.basename(profile);
  const data = fs.readFileSync(profile).toString("base64");
  const hand_over = path.resolve(shots, name + ".js");
  fs.writeFileSync(hand_over,
    `speedscope.loadFileFromBase64(${JSON.stringify(name)}, ${JSON.stringify(data)})`);
  const page = await browser.newPage({ viewport: { width: 1000, height: 500 } });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto("file://" + speedscope + "#localProfilePath=" + hand_over);
  await page.getByText("Sandwich").click({ timeout: 30000 });
  await page.getByText("forward").first().waitFor({ timeout: 30000 });
  const text = await page.evaluate(() => document.body.innerText);
  await page.screenshot({ path: path.resolve(shots, name + ".png") });
  assert.deepStrictEqual(errors, []);
  return text;
}

// A trace consists of calls: time on each thread, long calls around short ones.
const expected = (profile) => profile.endsWith(".trace.json")
  ? ["main (tid 1) (1/2)", "10.00s (100%)", "train {", "4.00s (40%)", "forward {"]
  : ["train", "<script>alert('1 & 2')</script>", "(outside all scopes)"];

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
      "--allow-file-access-from-files"],
  });
  try {
    for (const profile of profiles) {
      const text = await open(browser, profile);
      for (const name of expected(profile))
        assert(text.includes(name), `${profile}: no ${name} in ${text}`);
      console.log("passed: speedscope opens " + path.basename(profile));
    }
  } catch (error) {
    console.log("FAILED: " + (error.stack || error));
    process.exitCode = 1;
  }
  await browser.close();
})();
