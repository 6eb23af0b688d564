/** Reads who an exported graph is. JavaScript's ONNX Runtime gives no metadata, so they are read from the file. */

import { areEqual, fromUtf8, sha256, toHex, toUtf8 } from "./bytes.js";
import { Refusal } from "./refusal.js";

const DIGEST_LENGTH = 64;
const METADATA_FIELD = 14; // ModelProto.metadata_props
const KEY_FIELD = 1;
const VALUE_FIELD = 2;
const FORMAT_VERSION = "1";

/**
 * Reads the metadata of a graph, after a look at its digest.
 * @param {Uint8Array} file The bytes; anything.
 * @param {string} name What messages call the file.
 * @param {string} kind The kind of graph that is expected: model, training_step or cold_start.
 * @returns {Promise<Map<string, string>>} The metadata.
 */
export async function readMetadata(file, name, kind) {
  const body = file.subarray(0, Math.max(0, file.length - DIGEST_LENGTH));
  const digest = file.subarray(body.length);
  if (digest.length < DIGEST_LENGTH || !areEqual(digest, toUtf8(toHex(await sha256(body))))) {
    throw new Refusal("unreadable", `'${name}' must end in the SHA-256 of what stands before it, as DCCL.ML exports graphs, but does not. `
      + "It was cut off or altered, or is another file: copy it again or export it again.");
  }

  const metadata = new Map();
  for (const [field, value] of readFields(file, name)) {
    if (field === METADATA_FIELD && value) {
      const entry = new Map(readFields(value, name));
      metadata.set(fromUtf8(entry.get(KEY_FIELD) ?? new Uint8Array()), fromUtf8(entry.get(VALUE_FIELD) ?? new Uint8Array()));
    }
  }

  expect(metadata, name, "dccl.format_version", FORMAT_VERSION);
  expect(metadata, name, "dccl.kind", kind);
  return metadata;
}

/** Refuses a graph whose property is another than expected. */
export function expect(metadata, name, key, value) {
  if (metadata.get(key) !== value) {
    throw new Refusal("unreadable", `'${name}' must have '${value}' as '${key}', but has '${metadata.get(key) ?? "none"}'. `
      + "Choose the file that DCCL.ML exported, or export it again.");
  }
}

/** The fields of a protocol buffer's message, in their order: number and, if it has a length, its bytes. */
function* readFields(bytes, name) {
  let position = 0;
  while (position < bytes.length) {
    const tag = readVarint();
    let value = null;
    switch (tag & 7) {
      case 0:
        readVarint();
        break;
      case 1:
        position += 8;
        break;
      case 2: {
        const length = readVarint();
        value = bytes.subarray(position, position + length);
        position += length;
        break;
      }
      case 5:
        position += 4;
        break;
      default:
        position = Number.POSITIVE_INFINITY;
    }

    if (position > bytes.length) {
      throw new Refusal("unreadable", `'${name}' must be an ONNX graph, but is another file. Choose the file that DCCL.ML exported.`);
    }

    yield [Math.floor(tag / 8), value];
  }

  // Beyond 53 bits nothing is exact, but nothing that is read here is so large.
  function readVarint() {
    let result = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[position++] ?? 0;
      result += (byte & 127) * factor;
      if (byte < 128) {
        return result;
      }
    }
  }
}
