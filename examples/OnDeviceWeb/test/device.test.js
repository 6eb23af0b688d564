/** A device with Node beside one with C#: the folder DCCL_DEVICE holds what the C# test exported and how its own device fared. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as ort from "onnxruntime-node";
import { Personalizer, Refusal, readPatch, writePatch } from "../dccl/index.js";
import { SeededRandom } from "../dccl/random.js";
import { sha256 } from "../dccl/bytes.js";

const folder = process.env.DCCL_DEVICE;
const skip = folder ? false : "DCCL_DEVICE must name the folder that the C# test NodeTests exports; run that.";
const read = (...path) => readFile(join(folder, ...path));
const given = skip ? null : JSON.parse(await read("case.json"));
const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const files = skip ? null : {
  model: new Uint8Array(await read("model", "model.onnx")),
  step: new Uint8Array(await read("model", "step.onnx")),
  vocabulary: (await read("model", "model.vocabulary.json")).toString(),
};
const options = { l2: 5, gateStandardErrors: 0, profile: given?.profile };
const open = (changed = {}) => Personalizer.open(ort, { ...files, ...changed }, options);

// float32 in two builds of ONNX Runtime, over logits of about 5; Adam carries the difference of a gradient on over 20 steps.
const SCORE_TOLERANCE = 1e-5;
const PATCH_TOLERANCE = 1e-4;

function assertClose(actual, expected, tolerance) {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) <= tolerance, `number ${i}: ${value}, not ${expected[i]}`));
}

const eventsOf = (personalizer) => given.events.map((event) => ({
  item: personalizer.vocabulary.keyOf(event.itemId),
  isPositive: event.isPositive,
  isKnownToCloud: event.isKnownToCloud,
}));

test("the cloud model and the patched one give C#'s scores, and differ", { skip }, async () => {
  const personalizer = await open();
  const events = eventsOf(personalizer);
  const cloud = await personalizer.score(personalizer.createZeroPatch(), events);
  const patched = await personalizer.score(Float32Array.from(given.patch), events);
  assertClose(cloud, given.cloudScores, SCORE_TOLERANCE);
  assertClose(patched, given.patchedScores, SCORE_TOLERANCE);
  assert.ok(cloud.some((score, i) => Math.abs(score - patched[i]) > 0.01));
});

test("learning gives C#'s patch, which is written for C# to read", { skip }, async () => {
  const personalizer = await open();
  const events = eventsOf(personalizer);
  const shares = [];
  const result = await personalizer.learn(events, { onProgress: (share) => shares.push(share) });
  assert.equal(result.status, "patched");
  assertClose(result.patch, given.patch, PATCH_TOLERANCE);
  assertClose([result.gain], [given.gain], PATCH_TOLERANCE);
  assert.deepEqual(shares, [...shares].sort((x, y) => x - y));

  const file = await personalizer.write(result.patch);
  assert.deepEqual(await personalizer.read(file, "own"), result.patch);
  await writeFile(join(folder, "node.onnx_adapter"), file);
  await writeFile(join(folder, "node-scores.json"), JSON.stringify([...await personalizer.score(result.patch, events)]));
});

test("learning goes on from a patch, stays within few events, and ends when it is aborted", { skip }, async () => {
  const personalizer = await open();
  const events = eventsOf(personalizer);
  const start = Float32Array.from(given.patch);
  const held = await Personalizer.open(ort, files, { ...options, l2: 1e6, interceptL2: 1e6 }); // pulls towards where it began, zero or not
  assert.ok(start.some((value) => Math.abs(value) > 0.05));
  assertClose((await held.learn(events, { start })).patch, start, 0.02);
  const few = await personalizer.learn(events.slice(0, 14), { start });
  assert.equal(few.status, "tooFew");
  assert.deepEqual(few.patch, start);
  const aborted = new AbortController();
  aborted.abort();
  await assert.rejects(personalizer.learn(events, { signal: aborted.signal }), { name: "AbortError" });
});

test("a patch has the bytes that C# writes", { skip }, async () => {
  const personalizer = await open();
  for (const { values, file } of given.adapters.right) {
    const expected = bytesOf(file);
    const patch = Float32Array.from(values);
    assert.deepEqual(await writePatch(patch, personalizer.fingerprint), expected);
    assert.deepEqual(await readPatch(expected, "patch"), { values: patch, fingerprint: personalizer.fingerprint });
  }
});

test("a foreign or damaged patch is refused", { skip }, async () => {
  const personalizer = await open();
  const own = await personalizer.write(Float32Array.from(given.patch));
  const refusal = (reason, text) => (fault) => fault instanceof Refusal && fault.reason === reason && fault.message.includes(text);
  await assert.rejects(personalizer.read(bytesOf(given.adapters.otherModel), "p"), refusal("otherModel", "but was learnt on model aaaaaaaa"));
  await assert.rejects(personalizer.read(bytesOf(given.adapters.wrongSize), "p"), refusal("wrongSize", `but has ${given.patch.length + 1}`));
  await assert.rejects(personalizer.read(new TextEncoder().encode("no adapter, some text"), "p"), refusal("unreadable", "another file of 21 bytes"));
  await assert.rejects(personalizer.read(new Uint8Array(5000), "p"), refusal("unreadable", "at most 4096 bytes"));
  await assert.rejects(personalizer.read(await sealed(own, (copy) => new DataView(copy.buffer).setFloat32(140, Number.NaN, true)), "p"), refusal("notFinite", "number 1 is NaN"));
  for (let bit = 0; bit < own.length * 8; bit++) {
    const copy = own.slice();
    copy[bit >> 3] ^= 1 << (bit & 7);
    await assert.rejects(personalizer.read(copy, "p"), Refusal, `bit ${bit}`);
  }

  for (let length = 0; length < own.length; length++) {
    await assert.rejects(personalizer.read(own.slice(0, length), "p"), Refusal, `${length} bytes`);
  }
});

test("random bytes with a right checksum never do anything but be refused or read", { skip }, async () => {
  const personalizer = await open();
  const own = await personalizer.write(Float32Array.from(given.patch));
  const random = new SeededRandom(5);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    // Offsets and lengths of the first 136 bytes point anywhere; the digest's place is the one that the file then names.
    const file = await sealed(own, (copy) => {
      for (let k = random.next(4); k >= 0; k--) {
        copy[8 + random.next(128)] = random.next(256);
      }
    });
    try {
      assert.equal((await personalizer.read(file, "p")).length, personalizer.patchSize);
    } catch (fault) {
      assert.ok(fault instanceof Refusal, fault.stack);
      refused++;
    }
  }

  assert.ok(refused > 1000, `${refused} refused`);
});

test("a graph or vocabulary that is altered, foreign or without a required patch is refused", { skip }, async () => {
  const random = new SeededRandom(9);
  for (let i = 0; i < 20; i++) {
    const copy = files.model.slice();
    copy[random.next(copy.length)] ^= 1 << random.next(8);
    await assert.rejects(open({ model: copy }), (fault) => fault instanceof Refusal && fault.message.includes("must end in the SHA-256"));
  }

  await assert.rejects(open({ model: new Uint8Array(10) }), Refusal);
  await assert.rejects(open({ model: new Uint8Array(await read("optional.onnx")) }), /RequiresPatch = true/);
  await assert.rejects(open({ step: files.model }), /'training_step' as 'dccl.kind', but has 'model'/);
  await assert.rejects(open({ vocabulary: files.vocabulary.replace(/"i\d/, '"x1') }), /must have ids with the hash/);
  await assert.rejects(open({ vocabulary: "{" }), /cannot be read as a vocabulary/);
  await assert.rejects(Personalizer.open(ort, files, { ...options, l1: 2 }), /but one is l1/);
});

/** Changes a patch's file and computes its digest anew. */
async function sealed(file, change) {
  const copy = file.slice();
  change(copy);
  copy.fill(0, copy.length - 32);
  copy.set(await sha256(copy), copy.length - 32);
  return copy;
}
