// tests/external/hostile_pages.js - opens pages full of hostile names and numbers in a real browser.
//
//     node hostile_pages.js FOLDER COUNT     FOLDER: see hostile.cpp
"use strict";
const assert = require("assert");
const path = require("path");
const { chromium } = require("playwright-core");

const [folder, count] = [process.argv[2], Number(process.argv[3])];

async function look(page, seed) {
  const errors = [];
  const note = (text) => errors.push(text);
  page.removeAllListeners();
  page.on("pageerror", (error) => note(String(error)));
  page.on("console", (message) => message.type() === "error" && note(message.text()));
  page.on("request", (request) => /^(file|data):/.test(request.url()) || note(request.url()));
  page.on("dialog", (dialog) => { note("dialog: " + dialog.message()); dialog.dismiss(); });
  await page.goto("file://" + path.resolve(folder, seed + ".html"));
  assert.strictEqual(await page.locator("script").count(), 1, "one script: its own");
  assert.strictEqual(await page.locator("img, iframe, object, a").count(), 0, "nothing else");
  const paths = await page.$$eval("#scopes tbody tr", (all) => all.map((row) => row.dataset.path));
  for (let i = 0; i < 8; ++i)
    assert(paths.some((name) => name.endsWith("n" + i)), `n${i} is missing in ${paths}`);
  for (const head of await page.locator("#scopes thead button").all()) await head.click();
  await page.fill("#filter", "n3");
  assert(await page.locator("#scopes tbody tr:visible").count() >= 1);
  assert.deepStrictEqual(errors, []);
}

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  const page = await browser.newPage();
  try {
    for (let seed = 0; seed < count; ++seed) {
      try {
        await look(page, seed);
      } catch (error) {
        throw new Error(`page ${seed}: ${error.stack || error}`);
      }
    }
    console.log(`passed: ${count} hostile reports, pages in Chromium`);
  } catch (error) {
    console.log("FAILED: " + error.message);
    process.exitCode = 1;
  }
  await browser.close();
})();
