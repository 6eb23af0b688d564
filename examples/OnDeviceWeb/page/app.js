/** The page: opens the exported model, listens to the owner, learns, shows, keeps. */

import * as ort from "./onnxruntime/ort.wasm.min.mjs";
import { DEFAULT_OPTIONS, Personalizer, Refusal } from "./dccl/index.js";
import { drawPatch, drawShift } from "./bars.js";
import { find } from "./elements.js";
import { Pieces } from "./pieces.js";
import { drawRanking, rank } from "./ranking.js";
import { forgetPatches, loadPatch, loadPicks, savePatch, savePicks } from "./storage.js";

// One event without a history is not learnt from.
const MINIMUM_NUMBER_OF_PICKS = DEFAULT_OPTIONS.minimumNumberOfEvents + 1;
const FILE_NAME = "patch.onnx_adapter";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./onnxruntime/", import.meta.url).href;

/** The state: picks are raw ids; the patch is null as long as there is none; it was learnt here, or opened from a file and then learnt onwards. */
const state = { picks: [], patch: null, opened: null };
let personalizer;
let catalogue;
let pieces;

async function start() {
  const [model, step, vocabulary, named] = await Promise.all([
    fetchFile("model.onnx", "bytes"), fetchFile("step.onnx", "bytes"), fetchFile("model.vocabulary.json", "text"), fetchFile("catalogue.json", "json")]);
  personalizer = await Personalizer.open(ort, { model, step, vocabulary }, { ...named.learning, profile: named.profile });
  const byId = new Map(named.items.map((item) => [item.id, item]));
  catalogue = { moods: named.moods, items: personalizer.vocabulary.items.map((id) => byId.get(id)) }; // in the order of the keys
  find("model-bytes").textContent = formatBytes(model.length);
  find("patch-size").textContent = personalizer.patchSize;
  find("history-length").textContent = personalizer.historyLength;
  state.picks = loadPicks().filter((id) => personalizer.vocabulary.keyOf(id) > 0);
  pieces = new Pieces(catalogue, pick);
  say("Pick a few pieces: whatever goes together for you.");
  await restore();
  await show();
  document.documentElement.dataset.ready = "true";
}

async function restore() {
  const kept = loadPatch("patch");
  const opened = loadPatch("opened");
  try {
    state.patch = kept && await personalizer.read(kept, "the patch kept in this browser");
    state.opened = opened && await personalizer.read(opened, "the opened patch kept in this browser");
    if (kept) {
      say("Your patch is back, as you left it.");
    }
  } catch (fault) {
    state.patch = null;
    forgetPatches();
    say("The cloud model serves you.");
    refuse(fault);
  }
}

async function fetchFile(name, kind) {
  const answer = await fetch(`./model/${name}`);
  if (!answer.ok) {
    throw new Error(`The file model/${name} must be beside the page, but the server answers ${answer.status}. Export the model into the site.`);
  }

  return kind === "bytes" ? new Uint8Array(await answer.arrayBuffer()) : kind === "text" ? answer.text() : answer.json();
}

function pick(ids, isPicked) {
  state.picks = isPicked ? [...state.picks, ...ids.filter((id) => !state.picks.includes(id))] : state.picks.filter((id) => !ids.includes(id));
  savePicks(state.picks);
  const missing = MINIMUM_NUMBER_OF_PICKS - state.picks.length;
  say(missing > 0 ? `${missing} more, and it can learn.` : "Ready to learn: the more picks, the surer it is.");
  complain(null);
  guarded(show)();
}

async function learn() {
  const progress = find("progress");
  progress.value = 0;
  progress.hidden = false;
  say("Learning …");
  const began = performance.now();
  try {
    const result = await personalizer.learn(events(), {
      start: state.opened ?? undefined,
      onProgress: (share) => {
        progress.value = share;
      },
    });
    const milliseconds = Math.round(performance.now() - began);
    find("learn-time").textContent = `${milliseconds} ms`;
    if (result.status === "patched") {
      state.patch = result.patch;
      savePatch("patch", await personalizer.write(result.patch));
      say(`Learnt from ${state.picks.length} picks in ${milliseconds} ms. On picks held back from it, the patch ranks better than what was there before.`);
    } else {
      say("No patch is kept: on picks held back from it, none was better than what there is. Pick more pieces that go together: the more there are, the surer it is.");
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
    say(state.patch ? "Your patch is as it was." : "The cloud model serves you.");
    refuse(fault);
  }

  await show();
}

function refuse(fault) {
  if (!(fault instanceof Refusal)) {
    throw fault;
  }

  complain(fault.message);
}

function forget() {
  state.patch = null;
  state.opened = null;
  forgetPatches();
  find("learn-time").textContent = "–";
  complain(null);
  say("The patch is gone: the cloud model serves you.");
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
  pieces.update(state.picks);
  find("learn").disabled = true; // until the queue is done with it
  find("download").disabled = find("forget").disabled = state.patch === null;
  find("patch-bytes").textContent = state.patch ? formatBytes((await personalizer.write(state.patch)).length) : "none";
  const picked = new Set(state.picks);
  const candidates = catalogue.items.map((_, i) => i + 1).filter((key) => !picked.has(catalogue.items[key - 1].id));
  const before = rank(await personalizer.score(personalizer.createZeroPatch(), events()), candidates);
  const after = state.patch && rank(await personalizer.score(state.patch, events()), candidates);
  drawRanking(catalogue, before, after);
  drawShift(catalogue, before, after);
  drawPatch(state.patch, personalizer.patchSize);
}

const events = () => state.picks.map((id) => ({ item: personalizer.vocabulary.keyOf(id) }));

const say = (text) => {
  find("status").textContent = text;
};

function complain(text) {
  find("alert").hidden = text === null;
  find("alert").textContent = text ?? "";
}

const formatBytes = (count) => (count < 1000 ? `${count} bytes` : `${Math.round(count / 1000)} kB`);

/** One thing after the other: the session runs one call at a time. A fault is told, not swallowed. */
let queue = Promise.resolve();
const guarded = (action) => (...values) => {
  queue = queue.then(async () => {
    try {
      await action(...values);
    } catch (fault) {
      console.error(fault);
      complain(fault.message);
    } finally {
      find("learn").disabled = !personalizer || state.picks.length < MINIMUM_NUMBER_OF_PICKS;
    }
  });
};

find("learn").addEventListener("click", guarded(learn));
find("clear").addEventListener("click", () => pick([...state.picks], false));
find("download").addEventListener("click", guarded(download));
find("forget").addEventListener("click", guarded(forget));
find("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = ""; // the same file can be chosen again
  if (file) {
    guarded(open)(file);
  }
});
guarded(start)();
