// tests/external/html_report.js - opens HTML reports in a real browser and uses them.
//
//     node html_report.js report.html folder_for_screenshots
"use strict";
const assert = require("assert");
const path = require("path");
const { chromium } = require("playwright-core");

const page_url = "file://" + path.resolve(process.argv[2]);
const shots = process.argv[3];
const arguments_of_browser = [
  "--no-sandbox", "--disable-gpu", "--disable-background-networking",
];

async function open(browser, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) errors.push("network: " + request.url());
  });
  page.on("dialog", (dialog) => { errors.push("dialog: " + dialog.message()); dialog.dismiss(); });
  await page.goto(page_url);
  return { page, errors };
}

const tests = {
  async "names are text, nothing is loaded, nothing fails"(browser) {
    const { page, errors } = await open(browser, {});
    const names = await page.$$eval("#scopes tbody th", (all) => all.map((th) => th.textContent));
    assert(names.includes("<script>alert('1 & 2')</script>"), names.join());
    assert.strictEqual(await page.locator("script").count(), 1);
    assert.deepStrictEqual(errors, []);
  },
  async "warnings come before figures, figures before tables"(browser) {
    const { page } = await open(browser, {});
    const order = await page.$$eval(".warnings, .cards, .icicle, .power, #scopes",
      (all) => all.map((e) => (e.id || e.getAttribute("class"))));
    assert.deepStrictEqual(order, ["warnings", "cards", "icicle", "power", "scopes"]);
  },
  async "a click sorts, a second turns it round, a third restores the tree"(browser) {
    const { page } = await open(browser, {});
    const first = () => page.$eval("#scopes tbody tr", (row) => row.getAttribute("data-path"));
    const before = await first();
    const head = page.locator("#scopes thead th", { hasText: "calls" });
    await head.getByRole("button").click();
    assert.strictEqual(await head.getAttribute("aria-sort"), "descending");
    assert.strictEqual(await first(), "train/\u00fcbung \u8a13\u7df4");
    await head.getByRole("button").click();
    assert.strictEqual(await head.getAttribute("aria-sort"), "ascending");
    assert.notStrictEqual(await first(), "train/\u00fcbung \u8a13\u7df4");
    await head.getByRole("button").click();
    assert.strictEqual(await head.getAttribute("aria-sort"), null);
    assert.strictEqual(await first(), before);
  },
  async "the filter hides rows and says how many remain"(browser) {
    const { page } = await open(browser, {});
    await page.fill("#filter", "TRAIN/");
    assert.strictEqual(await page.locator("#scopes tbody tr:visible").count(), 2);
    assert.strictEqual(await page.textContent("#filter-status"), "2 of 5 scopes");
    await page.fill("#filter", "no such");
    assert.strictEqual(await page.locator("#scopes tbody tr:visible").count(), 0);
    assert.match(await page.textContent("#filter-status"), /^No path has .no such. in it$/);
    await page.fill("#filter", "");
    assert.strictEqual(await page.locator("#scopes tbody tr:visible").count(), 5);
  },
  async "a click or Enter zooms into a scope, Escape leaves"(browser) {
    const { page, errors } = await open(browser, {});
    const width = async (name) =>
      (await page.locator(`.icicle .frame[data-path="${name}"] rect`).boundingBox()).width;
    const narrow = await width("train/forward");
    await page.locator('.icicle .frame[data-path="train"]').click({ position: { x: 20, y: 10 } });
    const zoomed = await width("train/forward");
    assert(Math.abs(zoomed / narrow - 1 / 0.8) < 0.02, `${narrow} -> ${zoomed}`);
    assert.strictEqual(await page.textContent("#zoom-status"), "Zoomed to train");
    assert.strictEqual(await page.locator('.frame[data-path="outside all scopes"]:visible').count(), 0);
    await page.screenshot({ path: path.join(shots, "zoomed.png") });
    await page.keyboard.press("Escape");
    assert(Math.abs((await width("train/forward")) - narrow) < 1);
    await page.locator('.icicle .frame[data-path="train/forward"]').focus();
    await page.keyboard.press("Enter");
    assert((await width("train/forward")) > 2 * narrow);
    assert.deepStrictEqual(errors, []);
  },
  async "the arrow keys go through the tree, one stop for the Tab key"(browser) {
    const { page } = await open(browser, {});
    assert.strictEqual(await page.locator('.icicle .frame[tabindex="0"]').count(), 1);
    await page.locator('.icicle .frame[tabindex="0"]').focus();
    const here = () => page.evaluate(() => document.activeElement.getAttribute("data-path"));
    const seen = [];
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowRight"]) {
      await page.keyboard.press(key);
      seen.push(await here());
    }
    assert.deepStrictEqual(seen, ["train", "train/forward", "train/\u00fcbung \u8a13\u7df4",
      "train/\u00fcbung \u8a13\u7df4", "train", "<script>alert('1 & 2')</script>"]);
  },
  async "the watts of a moment are in the legend, by pointer and by key"(browser) {
    const { page, errors } = await open(browser, {});
    await page.locator(".power").scrollIntoViewIfNeeded();
    const box = await page.locator(".power").boundingBox();
    await page.mouse.move(box.x + box.width * 0.1, box.y + box.height / 2);
    const values = () => page.$$eval(".legend b", (all) => all.map((b) => b.textContent));
    assert.deepStrictEqual(await values(), ["100\u00a0W", "60\u00a0W", "4\u00a0W"]);
    assert.strictEqual(await page.textContent("#moment-time"), "1.25\u00a0s");
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
    assert.strictEqual((await values())[0], "not measured");
    await page.locator("#moment").focus();
    await page.keyboard.press("Home");
    assert.deepStrictEqual(await values(), ["30\u00a0W", "18\u00a0W", "4\u00a0W"]);
    assert.match(await page.getAttribute("#moment", "aria-valuetext"), /cpu0.package 30/);
    assert.deepStrictEqual(errors, []);
  },
  async "a phone scrolls tables, never the page"(browser) {
    const { page } = await open(browser, { viewport: { width: 360, height: 740 } });
    assert.strictEqual(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    await page.screenshot({ path: path.join(shots, "phone.png"), fullPage: true });
  },
  async "dark mode is dark, and text stands out from its ground in both"(browser) {
    for (const colorScheme of ["light", "dark"]) {
      const { page } = await open(browser, { colorScheme, viewport: { width: 1200, height: 900 } });
      const worst = await page.evaluate(() => {
        const light = (text) => {
          const [r, g, b] = text.match(/[\d.]+/g).slice(0, 3).map((v) => {
            const c = parseFloat(v) / 255;
            return c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
          });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const contrast = (a, b) => {
          const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
          return (x + 0.05) / (y + 0.05);
        };
        const ground = getComputedStyle(document.body).backgroundColor;
        const found = [];
        for (const e of document.querySelectorAll("h1, .soft, td, dt, dd"))
          found.push(contrast(getComputedStyle(e).color, ground));
        // Frames are tinted: their color shows through to the card's.
        const parts = (text) => text.match(/[\d.]+/g).slice(0, 3).map(parseFloat);
        const card = parts(getComputedStyle(document.querySelector("figure")).backgroundColor);
        for (const frame of document.querySelectorAll(".icicle .frame")) {
          const look = getComputedStyle(frame.querySelector("rect"));
          const tint = parseFloat(look.fillOpacity);
          const mixed = parts(look.fill).map((v, i) => tint * v + (1 - tint) * card[i]);
          found.push(contrast(getComputedStyle(frame.querySelector(".label")).color,
            `rgb(${mixed.join()})`));
        }
        return { ratio: Math.min(...found), ground: light(ground) };
      });
      assert(worst.ratio >= 4.5, `${colorScheme}: contrast ${worst.ratio}`);
      assert(colorScheme === "dark" ? worst.ground < 0.1 : worst.ground > 0.8);
      await page.screenshot({ path: path.join(shots, colorScheme + ".png"), fullPage: true });
    }
  },
  async "without JavaScript pictures and table are there"(browser) {
    const { page } = await open(browser, { javaScriptEnabled: false });
    assert.strictEqual(await page.locator(".icicle .frame:visible").count(), 7);
    assert.strictEqual(await page.locator("#scopes tbody tr:visible").count(), 5);
    assert.strictEqual(await page.locator(".tools:visible").count(), 0);
  },
  async "a screen reader finds headings, table heads and named pictures"(browser) {
    const { page } = await open(browser, {});
    assert.strictEqual(await page.getByRole("heading", { level: 1 }).count(), 1);
    assert.strictEqual(await page.getByRole("columnheader", { name: /^energy\W*$/ }).count(), 2);
    assert.strictEqual(await page.locator("#scopes").getByRole("rowheader", { name: "forward" }).count(), 1);
    assert.strictEqual(await page.getByRole("img", { name: /Power of each channel/ }).count(), 1);
    assert.strictEqual(await page.getByRole("button", { name: /^train ~840\s?J/ }).count(), 1);
  },
};

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: arguments_of_browser,
  });
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test(browser);
      console.log("passed: " + name);
    } catch (error) {
      ++failed;
      console.log("FAILED: " + name + "\n  " + (error.stack || error));
    }
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
})();
