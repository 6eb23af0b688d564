/** An exported model in ONNX Runtime, of Node or of the browser. */

import { expect, readMetadata } from "./graph.js";
import { Refusal } from "./refusal.js";

export class Model {
  #ort;
  #session;

  /** @private Use open. */
  constructor(ort, session, metadata, profile) {
    const { patch, encoder: _, ...backbones } = JSON.parse(metadata.get("dccl.architecture"));
    const backbone = Object.values(backbones).find((shape) => shape !== null);
    this.#ort = ort;
    this.#session = session;
    this.metadata = metadata;
    this.fingerprint = metadata.get("dccl.fingerprint");
    this.hasLabels = metadata.get("dccl.negatives") === "labelled";
    this.numberOfItems = backbone.numberOfItems;
    this.historyLength = backbone.historyLength;
    this.patchSize = patch?.patchSize ?? 0;
    this.profile = Float32Array.from(profile);
    if (profile.length !== backbone.profileDimension || !this.profile.every(Number.isFinite)) {
      throw new RangeError(`The profile must have the model's ${backbone.profileDimension} finite values, but has ${profile.length}.`);
    }
  }

  /**
   * Opens a model.
   * @param {object} ort onnxruntime-node or onnxruntime-web.
   * @param {Uint8Array} file The bytes of model.onnx; anything.
   * @param {string} name What messages call the file.
   * @param {number[]} profile The owner's profile; empty if the model has no profile input.
   */
  static async open(ort, file, name, profile) {
    const metadata = await readMetadata(file, name, "model");
    if (!["required", "none"].includes(metadata.get("dccl.patch"))) {
      // onnxruntime-node would leave out an optional patch without a word, onnxruntime-web would refuse it.
      throw new Refusal("unreadable", `'${name}' must take the patch as a required input, but has '${metadata.get("dccl.patch")}'. `
        + "Export it with OnnxExportOptions.RequiresPatch = true.");
    }

    expect(metadata, name, "dccl.ids", "key");
    return new Model(ort, await ort.InferenceSession.create(file), metadata, profile);
  }

  /** Wraps numbers for ONNX Runtime. */
  floats(values, dimensions) {
    return new this.#ort.Tensor("float32", values, dimensions);
  }

  /**
   * Scores candidates.
   * @param {Float32Array} patch theta; zeros for the cloud model.
   * @param {number[]} items The candidates' keys.
   * @param {number[]} history The keys of the owner's items, the most recent first.
   * @returns {Promise<Float32Array>} The logits in the order of the items; NaN for what is no item of the model.
   */
  async score(patch, items, history) {
    const { score } = await this.#session.run(this.#feeds(patch, [items], [history]), ["score"]);
    return score.data.slice();
  }

  /**
   * Computes what the step graph takes in.
   * @param {number[][]} items The candidates of each group, the same number in each.
   * @param {number[][]} histories The history of each group.
   */
  async encode(items, histories) {
    const { activation, offset } = await this.#session.run(
      this.#feeds(new Float32Array(this.patchSize), items, histories), ["activation", "offset"]);
    return { activation: activation.data.slice(), offset: offset.data.slice() };
  }

  /** Opens a graph that belongs to this model. @returns {Promise<(feeds: object, outputs: string[]) => Promise<object>>} What runs it. */
  async openCompanion(file, name, kind) {
    const metadata = await readMetadata(file, name, kind);
    expect(metadata, name, "dccl.fingerprint", this.fingerprint);
    const session = await this.#ort.InferenceSession.create(file);
    return (feeds, outputs) => session.run(feeds, outputs);
  }

  #feeds(patch, items, histories) {
    const length = Math.max(1, ...histories.map((history) => Math.min(history.length, this.historyLength)));
    const padded = histories.map((history) => Array.from({ length }, (_, i) => history[i] ?? 0));
    const feeds = { item: this.#keys(items), history: this.#keys(padded) };
    if (this.patchSize > 0) {
      feeds.patch = this.floats(patch, [1, this.patchSize]);
    }

    if (this.profile.length > 0) {
      feeds.profile = this.floats(Float32Array.from(items.flatMap(() => [...this.profile])), [items.length, this.profile.length]);
    }

    return feeds;
  }

  #keys(rows) {
    const keys = rows.flat();
    const wrong = keys.find((key) => !Number.isInteger(key) || key < 0 || key > this.numberOfItems);
    if (wrong !== undefined) {
      throw new RangeError(`Item keys must be integers from 0 to ${this.numberOfItems}, but one is ${wrong}.`);
    }

    return new this.#ort.Tensor("int64", BigInt64Array.from(keys, BigInt), [rows.length, rows[0].length]);
  }
}
