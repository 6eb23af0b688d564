/** The page in a browser: the folder DCCL_SITE holds the static site; what came of it is left in DCCL_RESULT for C# to check. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./static-server.js";

const { DCCL_SITE: folder, DCCL_RESULT: results, DCCL_CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;
const skip = folder && results ? false : "DCCL_SITE and DCCL_RESULT must be set as the C# test BrowserTests sets them; run that.";
const MOOD = "Serene";
const NUMBER_OF_PICKS = 18;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

let site;
let browser;
let context;
let page;
const faults = [];
const foreign = [];

before(async () => {
  if (skip) {
    return;
  }

  site = await serve(folder);
  browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  context.setDefaultTimeout(90_000); // a busy machine takes its time to compile the runtime
  page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (fault) => faults.push(fault.message));
  page.on("request", (request) => !request.url().startsWith(site.address) && !request.url().startsWith("blob:") && foreign.push(request.url()));
});

after(async () => {
  await browser?.close();
  site?.close();
});

const open = async () => {
  await page.goto(site.address);
  await page.waitForSelector("html[data-ready]");
};
const text = (selector) => page.textContent(selector);
const idsOf = (list) => page.$$eval(`#${list} li[data-id]`, (lines) => lines.map((line) => line.dataset.id));
const settled = (pattern) => page.waitForFunction((source) => new RegExp(source).test(document.getElementById("status").textContent), pattern.source);

test("a person who picks pieces of one mood and learns finds more of it in the top ten", { skip }, async () => {
  const catalogue = JSON.parse(await readFile(join(folder, "model", "catalogue.json")));
  const moodOf = new Map(catalogue.items.map((item) => [item.id, item.mood]));
  const count = async (list) => (await idsOf(list)).filter((id) => moodOf.get(id) === MOOD).length;
  await open();
  assert.equal(await page.isDisabled("#learn"), true);
  assert.deepEqual(await idsOf("after"), []);
  await page.click(`#moods button[data-mood="${MOOD}"]`);
  const own = await page.$$eval("#pieces li:not([hidden]) button", (buttons, number) => buttons.slice(0, number).map((button) => button.dataset.id), NUMBER_OF_PICKS);
  for (const [i, id] of own.entries()) {
    await page.click(`button[data-id="${id}"]`);
    assert.equal(await text("#pick-count"), `${i + 1} picked`);
  }

  await page.waitForSelector("#learn:not([disabled])");
  const cloud = await idsOf("before");
  await page.click("#learn");
  await settled(/^Learnt from 18 picks/);
  await page.waitForSelector("#after li[data-id]");
  assert.deepEqual(await idsOf("before"), cloud);
  assert.equal((await idsOf("after")).length, 10);
  assert.ok(await count("after") >= await count("before") + 3, `${await count("before")} before, ${await count("after")} after`);
  assert.match(await text(`#shift li[data-mood="${MOOD}"] .value`), /^\+[1-9]/);
  assert.equal((await idsOf("after")).some((id) => own.includes(id)), false);
  assert.equal(await page.$$eval("#links path", (paths) => paths.length), new Set([...cloud, ...await idsOf("after")]).size);
  await writeFile(join(results, "picks.json"), JSON.stringify(own));
});

test("the patch is downloaded, with the scores that the page ranks by", { skip }, async () => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  assert.equal(download.suggestedFilename(), "patch.onnx_adapter");
  await download.saveAs(join(results, "patch.onnx_adapter"));
  assert.equal((await readFile(join(results, "patch.onnx_adapter"))).length, 272);
  assert.equal(await text("#patch-bytes"), "272 bytes");

  // The page's own modules, in the browser, on the picks and the patch that it keeps.
  const scores = await page.evaluate(async () => {
    const ort = await import("./onnxruntime/ort.wasm.min.mjs");
    const { Personalizer } = await import("./dccl/index.js");
    const { loadPatch, loadPicks } = await import("./storage.js");
    const get = (name) => fetch(`./model/${name}`);
    const bytes = async (name) => new Uint8Array(await (await get(name)).arrayBuffer());
    const { profile } = await (await get("catalogue.json")).json();
    const files = { model: await bytes("model.onnx"), step: await bytes("step.onnx"), vocabulary: await (await get("model.vocabulary.json")).text() };
    const personalizer = await Personalizer.open(ort, files, { profile });
    const patch = await personalizer.read(loadPatch("patch"), "kept");
    return [...await personalizer.score(patch, loadPicks().map((id) => ({ item: personalizer.vocabulary.keyOf(id) })))];
  });
  await writeFile(join(results, "scores.json"), JSON.stringify(scores));
  await writeFile(join(results, "top.json"), JSON.stringify(await idsOf("after")));
});

test("picks and patch are there again after a reload", { skip }, async () => {
  const top = await idsOf("after");
  await open();
  assert.match(await text("#status"), /^Your patch is back/);
  assert.equal(await text("#pick-count"), `${NUMBER_OF_PICKS} picked`);
  assert.deepEqual(await idsOf("after"), top);
});

test("a damaged or foreign file is refused with a message, and the patch stays", { skip }, async () => {
  const top = await idsOf("after");
  const file = await readFile(join(results, "patch.onnx_adapter"));
  const choose = (name, buffer) => page.setInputFiles("#file", { name, mimeType: "application/octet-stream", buffer });
  const damaged = Buffer.from(file);
  damaged[150] ^= 1;
  const refused = [
    ["damaged.onnx_adapter", damaged, "a bit of it has changed"],
    ["half.onnx_adapter", file.subarray(0, 100), "It was cut off"],
    ["photo.jpg", Buffer.from("not a patch at all"), "another file of 18 bytes"],
    ["other.onnx_adapter", await readFile(join(results, "other.onnx_adapter")), "was learnt on model aaaaaaaa…. Learn it again"],
  ];
  for (const [name, buffer, message] of refused) {
    await choose(name, buffer);
    await page.waitForFunction((expected) => document.getElementById("alert").textContent.includes(expected), name);
    assert.ok((await text("#alert")).includes(message), await text("#alert"));
    assert.equal(await page.isVisible("#alert"), true);
    assert.match(await text("#status"), /^Your patch is as it was/);
    assert.deepEqual(await idsOf("after"), top);
  }

  await choose("mine.onnx_adapter", file);
  await settled(/mine\.onnx_adapter” is in use/);
  assert.equal(await page.isVisible("#alert"), false);
  assert.deepEqual(await idsOf("after"), top);
});

test("what was tampered with in the browser's own storage is refused, too", { skip }, async () => {
  await page.evaluate(() => localStorage.setItem("dccl.patch", `${localStorage.getItem("dccl.patch").slice(0, -8)}AAAAAAA=`));
  await open();
  assert.match(await text("#alert"), /'the patch kept in this browser' must have the checksum/);
  assert.deepEqual(await idsOf("after"), []);
  assert.equal(await page.evaluate(() => localStorage.getItem("dccl.patch")), null);
});

test("forgetting brings the cloud model back", { skip }, async () => {
  await page.setInputFiles("#file", join(results, "patch.onnx_adapter"));
  await page.waitForSelector("#forget:not([disabled])");
  await page.click("#forget");
  await page.waitForSelector("#after .empty");
  assert.match(await text("#status"), /^The patch is gone/);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).join()), "dccl.picks");
  assert.equal(await text("#patch-bytes"), "none");
});

test("the page works with the keyboard, in the dark and on a narrow screen", { skip }, async () => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 360, height: 740 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(17, 19, 28)");
  const piece = page.locator('#pieces button[aria-pressed="false"]').first();
  const id = await piece.getAttribute("data-id");
  await piece.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(`button[data-id="${id}"][aria-pressed="true"]`);
});

test("nothing failed, and nothing was fetched from or sent to anywhere else", { skip }, () => {
  assert.deepEqual(faults, []);
  assert.deepEqual(foreign, []);
  assert.deepEqual(site.requests.filter((request) => !request.startsWith("GET ")), []);
});
