/** Visits the page of a generated project as DCCL_VISIT (JSON) says, and prints as JSON what there was to see; C# judges it. */

import { createRequire } from "node:module";

const { address, picks, learns, patchFile, foreignFile, executablePath, playwright } = JSON.parse(process.env.DCCL_VISIT);
const { chromium } = createRequire(import.meta.url)(playwright);
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const faults = [];
const foreign = [];
const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
context.setDefaultTimeout(120_000); // a busy machine takes its time to compile the runtime
const page = await context.newPage();
page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
page.on("pageerror", (fault) => faults.push(fault.message));
page.on("request", (request) => !request.url().startsWith(address) && !request.url().startsWith("blob:") && foreign.push(request.url()));

const settled = () => page.waitForSelector('#ranking[aria-busy="false"]');
const listOf = (side) => page.$$eval(`#${side} li[data-id]`, (lines) => lines.map(({ dataset }) => ({ id: dataset.id, score: Number(dataset.score) })));
const look = async () => ({
  before: await listOf("before"),
  after: await listOf("after"),
  status: await page.textContent("#status"),
  alert: await page.textContent("#alert"),
  count: await page.textContent("#pick-count"),
  canLearn: await page.isVisible("#learn"),
  says: await page.$$eval("#no-basis", ([section]) => (section.hidden ? "" : section.textContent)),
});

const seen = {};
await page.goto(address);
await settled();
seen.first = await look();
for (const { id, isPositive } of picks) {
  await page.fill("#search", id);
  await page.click(`#items .${isPositive ? "like" : "refuse"}[data-id="${id}"]`);
}

await settled();
seen.picked = await look();
if (learns) {
  await page.click("#learn");
  await settled();
  seen.learnt = await look();
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  seen.fileName = download.suggestedFilename();
  await download.saveAs(patchFile);
  await page.reload();
  await settled();
  seen.reloaded = await look();
  await page.setInputFiles("#file", foreignFile);
  await settled();
  seen.refused = await look();
  await page.click("#forget");
  await settled();
  seen.forgotten = await look();
} else {
  await page.reload();
  await settled();
  seen.reloaded = await look();
  await page.fill("#search", "");
  await page.click("#before li:nth-child(3) .like"); // what is recommended can be picked as well
  await settled();
  seen.further = await look();
  await page.click("#clear");
  await settled();
  seen.cleared = await look();
}

await page.emulateMedia({ colorScheme: "dark" });
await page.setViewportSize({ width: 360, height: 740 });
seen.fitsNarrow = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
seen.darkGround = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
await browser.close();
console.log(JSON.stringify({ ...seen, faults, foreign }));
