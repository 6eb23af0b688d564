/** The model's items: the place in the list, from 1, is the key that the graphs take. */

import { sha256, toHex, toUtf8 } from "./bytes.js";
import { Refusal } from "./refusal.js";

export class Vocabulary {
  #keys;

  /** @param {string[]} items The raw ids. @param {string} hash Their hash. */
  constructor(items, hash) {
    this.items = items;
    this.hash = hash;
    this.#keys = new Map(items.map((id, i) => [id, i + 1]));
  }

  /** @returns {number} The key of a raw id; 0 for what the model does not know. */
  keyOf(id) {
    return this.#keys.get(id) ?? 0;
  }

  /**
   * Reads the side file of an exported model.
   * @param {string} text The file's text; anything.
   * @param {string} name What messages call the file.
   */
  static async parse(text, name) {
    let file;
    try {
      file = JSON.parse(text);
    } catch (fault) {
      throw new Refusal("unreadable", `'${name}' cannot be read as a vocabulary: ${fault.message} Export the model again.`);
    }

    const items = file?.items;
    if (file?.format !== "dccl-vocabulary" || file.version !== 1 || !Array.isArray(items) || !items.every((id) => typeof id === "string")) {
      throw new Refusal("unreadable", `'${name}' must be a vocabulary of version 1, but is another file. Export the model again.`);
    }

    const hash = await hashOf(items);
    if (hash !== file.hash) {
      throw new Refusal("unreadable", `'${name}' must have ids with the hash ${file.hash}, but they have ${hash}. It was altered: export the model again.`);
    }

    return new Vocabulary(items, hash);
  }
}

async function hashOf(items) {
  const parts = items.map(toUtf8);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let position = 0;
  for (const part of parts) {
    view.setInt32(position, part.length, true);
    bytes.set(part, position + 4);
    position += 4 + part.length;
  }

  return toHex(await sha256(bytes));
}
