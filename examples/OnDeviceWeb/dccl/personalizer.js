/** Adapts an exported model to the owner of a device, in Node or in a browser: scores, learns, and writes and reads the owner's patch. */

import { readPatch, writePatch } from "./adapter.js";
import { TrainingEvents } from "./events.js";
import { DEFAULT_OPTIONS, Learner } from "./learner.js";
import { Model } from "./model.js";
import { Refusal } from "./refusal.js";
import { Vocabulary } from "./vocabulary.js";

export class Personalizer {
  #model;
  #learner;
  #options;

  /** @private Use open. */
  constructor(model, vocabulary, learner, options) {
    this.#model = model;
    this.#learner = learner;
    this.#options = options;
    this.vocabulary = vocabulary;
  }

  /**
   * Opens the files that ExportForDevice wrote, with OnnxExportOptions.RequiresPatch set; or those of ExportToOnnx of a model without a
   * patch basis, which recommends but cannot learn.
   * @param {object} ort onnxruntime-node or onnxruntime-web.
   * @param {{model: Uint8Array, step?: Uint8Array, vocabulary: string}} files model.onnx, step.onnx (of a model with a basis) and model.vocabulary.json.
   * @param {Partial<typeof DEFAULT_OPTIONS> & {profile?: number[]}} [options] How to learn, and the owner's profile.
   */
  static async open(ort, files, options = {}) {
    const { profile = [], ...learning } = options;
    const unknown = Object.keys(learning).find((name) => !(name in DEFAULT_OPTIONS));
    if (unknown !== undefined) {
      throw new RangeError(`The options must be among ${Object.keys(DEFAULT_OPTIONS).join(", ")} and profile, but one is ${unknown}.`);
    }

    const vocabulary = await Vocabulary.parse(files.vocabulary, "model.vocabulary.json");
    const model = await Model.open(ort, files.model, "model.onnx", profile);
    if (model.metadata.get("dccl.vocabulary") !== vocabulary.hash || model.numberOfItems !== vocabulary.items.length) {
      throw new Refusal("unreadable", "'model.vocabulary.json' must be the vocabulary of 'model.onnx', but is another. Copy all exported files together.");
    }

    const all = Object.freeze({ ...DEFAULT_OPTIONS, ...learning });
    const learner = model.patchSize > 0 ? new Learner(model, await model.openCompanion(files.step, "step.onnx", "training_step"), all) : null;
    return new Personalizer(model, vocabulary, learner, all);
  }

  /** The fingerprint of the model and its basis: a patch fits that model alone. */
  get fingerprint() {
    return this.#model.fingerprint;
  }

  /** Whether the model has a patch basis, so that it can learn. */
  get canLearn() {
    return this.#learner !== null;
  }

  /** Whether the model was trained with refusals, so that the owner's events may be some. */
  get hasLabels() {
    return this.#model.hasLabels;
  }

  /** The number of values of a patch; 0 without a basis. */
  get patchSize() {
    return this.#model.patchSize;
  }

  /** The number of most recent items that the model looks at. */
  get historyLength() {
    return this.#model.historyLength;
  }

  /** The patch that is the cloud model. */
  createZeroPatch() {
    return new Float32Array(this.patchSize);
  }

  /**
   * Scores items for the owner.
   * @param {Float32Array} patch The owner's patch.
   * @param {import("./events.js").OwnerEvent[]} events What the owner did, in time order.
   * @param {number[]} [items] The keys; all items if left out.
   * @returns {Promise<Float32Array>} The logits in the order of the items.
   */
  async score(patch, events, items = this.vocabulary.items.map((_, i) => i + 1)) {
    const history = new TrainingEvents(events, this.#model.hasLabels).currentHistory(this.historyLength);
    return items.length === 0 ? new Float32Array() : this.#model.score(patch, items, history);
  }

  /**
   * Learns from what the owner did. Resolves to what came of it: status "patched"; "gated" where patches do not help on events held back
   * from them, so that the start is kept; or "tooFew" events to learn from.
   * @param {import("./events.js").OwnerEvent[]} events In time order.
   * @param {{start?: Float32Array, signal?: AbortSignal, onProgress?: (share: number) => void}} [run] The patch to start from, and how to run.
   * @returns {Promise<{status: string, patch: Float32Array, gain: number, numberOfEvents: number}>}
   */
  async learn(events, { start = this.createZeroPatch(), ...run } = {}) {
    if (!this.canLearn) {
      throw new Error("The model must have a patch basis to learn, but has none. Run MetaPatch in the cloud ('dccl personalize'), and export the model again.");
    }

    const training = new TrainingEvents(events, this.#model.hasLabels);
    if (training.count < this.#options.minimumNumberOfEvents) {
      return { status: "tooFew", patch: start, gain: 0, numberOfEvents: training.count };
    }

    const { patch, gain } = await this.#learner.learn(training, start, run);
    const status = patch.every((value, k) => value === start[k]) ? "gated" : "patched";
    return { status, patch, gain, numberOfEvents: training.count };
  }

  /** Writes a patch as the file that DCCL.ML and stock ONNX Runtime load. */
  write(patch) {
    return writePatch(patch, this.fingerprint);
  }

  /**
   * Reads a patch of this model.
   * @param {Uint8Array} file The bytes; anything.
   * @param {string} label What messages call the file.
   * @returns {Promise<Float32Array>} The patch. Any other file is refused.
   */
  async read(file, label) {
    const { values, fingerprint } = await readPatch(file, label);
    if (fingerprint !== this.fingerprint) {
      throw new Refusal("otherModel", `The patch '${label}' must be of model ${this.fingerprint.slice(0, 8)}…, but was learnt on model ${fingerprint.slice(0, 8)}…. Learn it again on this model.`);
    }

    if (values.length !== this.patchSize) {
      throw new Refusal("wrongSize", `The patch '${label}' must have the model's size ${this.patchSize}, but has ${values.length}. Learn it again on this model.`);
    }

    return values;
  }
}
