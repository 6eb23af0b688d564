/** The page: opens the exported model, listens to its visitor, ranks, learns where the model can, and keeps what it knows in the browser. */

import * as ort from "./onnxruntime/ort.wasm.min.mjs";
import { DEFAULT_OPTIONS, Personalizer, Refusal } from "./dccl/index.js";
import { find } from "./elements.js";
import { Picker } from "./picker.js";
import { drawRanking, rank } from "./ranking.js";
import { forgetPatches, loadPatch, loadPicks, savePatch, savePicks } from "./storage.js";

const FILE_NAME = "patch.onnx_adapter";

/** So many items are scored at once: the memory for an item grows with the history, and a catalogue may be large. */
const BLOCK = 500;

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./onnxruntime/", import.meta.url).href;

/** Picks are raw ids in the order of the clicks, each liked or refused; the patch was learnt here, or opened from a file and learnt onwards. */
const state = { picks: [], patch: null, opened: null };
let personalizer;
let picker;
let minimumNumberOfPicks;

async function start() {
  const names = await (await fetchFile("")).json();
  const bytes = async (name) => (names.includes(name) ? new Uint8Array(await (await fetchFile(`/${name}`)).arrayBuffer()) : undefined);
  const [model, step, vocabulary] = await Promise.all([bytes("model.onnx"), bytes("step.onnx"), fetchFile("/model.vocabulary.json").then((file) => file.text())]);
  personalizer = await Personalizer.open(ort, { model, step, vocabulary });

  // Where nothing is ever refused, the first pick has no history and is not learnt from.
  minimumNumberOfPicks = DEFAULT_OPTIONS.minimumNumberOfEvents + (personalizer.hasLabels ? 0 : 1);
  find("model-bytes").textContent = formatBytes(model.length);
  find("patch-size").textContent = personalizer.patchSize;
  find("history-length").textContent = personalizer.historyLength;
  for (const id of ["patch", "patch-fact", "learn", "before-title", "after-side"]) {
    find(id).hidden = !personalizer.canLearn;
  }

  find("refuse-hint").hidden = !personalizer.hasLabels;
  find("no-basis").hidden = personalizer.canLearn;
  find("ranking").dataset.sides = personalizer.canLearn ? "2" : "1";
  state.picks = loadPicks().filter((pick) => personalizer.vocabulary.keyOf(pick.id) > 0);
  picker = new Picker(personalizer.vocabulary.items, personalizer.hasLabels, choose);
  sayWhatIsNext();
  await restore();
  await show();
}

async function fetchFile(path) {
  const answer = await fetch(`./model${path}`);
  if (!answer.ok) {
    throw new Error(`The server must have the file model${path}, but answers ${answer.status}. Start it again.`);
  }

  return answer;
}

async function restore() {
  const kept = personalizer.canLearn && loadPatch("patch");
  const opened = personalizer.canLearn && loadPatch("opened");
  try {
    state.patch = kept ? await personalizer.read(kept, "the patch kept in this browser") : null;
    state.opened = opened ? await personalizer.read(opened, "the opened patch kept in this browser") : null;
    if (kept) {
      say("Your patch is back, as you left it.");
    }
  } catch (fault) {
    state.patch = null;
    forgetPatches();
    refuse(fault);
  }
}

/** @param {string} id A raw id. @param {boolean | null} isPositive Whether it is liked; null to take the pick back. */
function choose(id, isPositive) {
  const others = state.picks.filter((pick) => pick.id !== id);
  keepPicks(isPositive === null ? others : [...others, { id, isPositive }]);
}

function keepPicks(picks) {
  state.picks = picks;
  savePicks(picks);
  sayWhatIsNext();
  complain(null);
  guarded(show)();
}

function sayWhatIsNext() {
  const missing = minimumNumberOfPicks - state.picks.length;
  say(state.picks.length === 0 ? "What the model has for somebody of whom it knows nothing. Pick a few items, or some of these."
    : !personalizer.canLearn ? "What goes with your latest picks."
      : missing > 0 ? `What goes with your latest picks. ${missing} more, and the page can learn.`
        : "Ready to learn: the more picks, the surer it is.");
}

async function learn() {
  const progress = find("progress");
  progress.value = 0;
  progress.hidden = false;
  const began = performance.now();
  try {
    const onProgress = (share) => {
      progress.value = share;
    };
    const result = await personalizer.learn(events(), { start: state.opened ?? undefined, onProgress });
    if (result.status === "patched") {
      state.patch = result.patch;
      savePatch("patch", await personalizer.write(result.patch));
      const movesNothing = result.patch.every((value, k) => k === 0 || value === 0);
      say(`Learnt from ${state.picks.length} picks in ${formatTime(began)}. On picks held back from it, the patch does better than what was there before. ${movesNothing
        ? "So far it holds how readily you like things, which changes scores and no places; more picks may teach it more." : ""}`);
    } else {
      say("No patch is kept: on picks held back from it, none did better than what there is. More picks make it surer.");
    }
  } finally {
    progress.hidden = true;
  }

  await show();
}

/** Takes a patch's file into use. A foreign or damaged one is refused, and what there is stays. */
async function open(file) {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    state.patch = state.opened = await personalizer.read(bytes, file.name);
    savePatch("patch", bytes);
    savePatch("opened", bytes);
    complain(null);
    say(`The patch of “${file.name}” is in use.`);
  } catch (fault) {
    refuse(fault);
  }

  await show();
}

function forget() {
  state.patch = state.opened = null;
  forgetPatches();
  complain(null);
  say("The patch is gone: the model for everybody serves you.");
  return show();
}

async function download() {
  const address = URL.createObjectURL(new Blob([await personalizer.write(state.patch)], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = FILE_NAME;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

async function show() {
  picker.update(state.picks);
  find("clear").disabled = state.picks.length === 0;
  find("learn").disabled = true; // until the queue is done with it
  find("download").disabled = find("forget").disabled = state.patch === null;
  find("patch-bytes").textContent = state.patch ? formatBytes((await personalizer.write(state.patch)).length) : "none";
  const began = performance.now();
  const before = await rankFor(personalizer.createZeroPatch());
  find("rank-time").textContent = formatTime(began);
  drawRanking(personalizer.vocabulary.items, before, state.patch && await rankFor(state.patch), personalizer.hasLabels, choose);
}

/** Scores and ranks all items that have not been picked. */
async function rankFor(patch) {
  const picked = new Set(state.picks.map((pick) => pick.id));
  const candidates = personalizer.vocabulary.items.map((_, i) => i + 1).filter((key) => !picked.has(personalizer.vocabulary.items[key - 1]));
  const scores = new Map();
  for (let first = 0; first < candidates.length; first += BLOCK) {
    const block = candidates.slice(first, first + BLOCK);
    (await personalizer.score(patch, events(), block)).forEach((score, i) => scores.set(block[i], score));
  }

  return rank(scores);
}

const events = () => state.picks.map(({ id, isPositive }) => ({ item: personalizer.vocabulary.keyOf(id), isPositive }));

const say = (text) => {
  find("status").textContent = text;
};

function complain(text) {
  find("alert").hidden = text === null;
  find("alert").textContent = text ?? "";
}

function refuse(fault) {
  if (!(fault instanceof Refusal)) {
    throw fault;
  }

  complain(fault.message);
}

const formatBytes = (count) => (count < 1000 ? `${count} bytes` : count < 999_500 ? `${Math.round(count / 1000)} kB` : `${(count / 1e6).toFixed(1)} MB`);

const formatTime = (began) => `${Math.max(1, Math.round(performance.now() - began))} ms`;

/** One thing after the other: the session runs one call at a time. A fault is told, not swallowed. */
let queue = Promise.resolve();
let waiting = 0;
const guarded = (action) => (...values) => {
  waiting++;
  find("ranking").setAttribute("aria-busy", "true");
  queue = queue.then(async () => {
    try {
      await action(...values);
    } catch (fault) {
      console.error(fault);
      complain(fault.message);
    } finally {
      waiting--;
      find("ranking").setAttribute("aria-busy", String(waiting > 0));
      find("learn").disabled = !personalizer?.canLearn || state.picks.length < minimumNumberOfPicks;
    }
  });
};

find("learn").addEventListener("click", guarded(learn));
find("clear").addEventListener("click", () => keepPicks([]));
find("download").addEventListener("click", guarded(download));
find("forget").addEventListener("click", guarded(forget));
find("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file) {
    guarded(open)(file);
  }

  target.value = ""; // the same file can be chosen again
});
guarded(start)();
