/**
 * A patch as an ONNX Runtime adapter, byte by byte the file that UserPatch in DCCL.ML writes; Device/FORMAT.md specifies it.
 */

import { Builder, ByteBuffer } from "flatbuffers";
import { areEqual, fromHex, fromUtf8, sha256, toHex } from "./bytes.js";
import { Refusal } from "./refusal.js";

const IDENTIFIER = "TORT";
const MAXIMUM_LENGTH = 4096;
const MAXIMUM_SIZE = 256;
const DIGEST_LENGTH = 32;
const FLOAT_TYPE = 1;
const VERSION = 1;

// Where a field's offset stands in a table's vtable: 4 bytes, then 2 for each field before it.
const ADAPTER = { formatVersion: 4, parameters: 10, fingerprint: 12, digest: 14 };
const PARAMETER = { name: 4, dimensions: 6, dataType: 8, rawData: 10 };

/**
 * Writes a patch; the same patch gives the same bytes.
 * @param {Float32Array} values theta, the intercept first.
 * @param {string} fingerprint The model's: 64 hexadecimal digits.
 * @returns {Promise<Uint8Array>} The file.
 */
export async function writePatch(values, fingerprint) {
  if (values.length < 1 || values.length > MAXIMUM_SIZE || !values.every(Number.isFinite)) {
    throw new RangeError(`A patch must have 1 to ${MAXIMUM_SIZE} finite numbers.`);
  }

  const raw = new Uint8Array(values.length * 4);
  const view = new DataView(raw.buffer);
  values.forEach((value, i) => view.setFloat32(i * 4, value, true));
  const builder = new Builder(512);
  const digest = bytes(builder, new Uint8Array(DIGEST_LENGTH), 4);
  const model = bytes(builder, fromHex(fingerprint), 4);
  const rawData = bytes(builder, raw, 8);
  builder.startVector(8, 2, 8);
  builder.addInt64(BigInt(values.length));
  builder.addInt64(1n);
  const dimensions = builder.endVector();
  const name = builder.createString("patch");
  builder.startObject(4);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldOffset(1, dimensions, 0);
  builder.addFieldInt32(2, FLOAT_TYPE, 0);
  builder.addFieldOffset(3, rawData, 0);
  const parameter = builder.endObject();
  builder.startVector(4, 1, 4);
  builder.addOffset(parameter);
  const parameters = builder.endVector();
  builder.startObject(6);
  builder.addFieldInt32(0, VERSION, 0); // 0 as the default, so that the version is written out
  builder.addFieldInt32(1, VERSION, 0);
  builder.addFieldInt32(2, VERSION, 0);
  builder.addFieldOffset(3, parameters, 0);
  builder.addFieldOffset(4, model, 0);
  builder.addFieldOffset(5, digest, 0);
  builder.finish(builder.endObject(), IDENTIFIER);

  const file = builder.asUint8Array().slice();
  vectorOf(file, rootOf(file), ADAPTER.digest).set(await sha256(file)); // computed over zeros in its own place
  return file;
}

/**
 * Reads a patch.
 * @param {Uint8Array} file The bytes; anything.
 * @param {string} label What messages call the file.
 * @returns {Promise<{values: Float32Array, fingerprint: string}>} The patch; whether it fits a model is checked where it is used.
 */
export async function readPatch(file, label) {
  if (file.length < 8 || file.length > MAXIMUM_LENGTH || fromUtf8(file.subarray(4, 8)) !== IDENTIFIER) {
    throw new Refusal("unreadable", `'${label}' must be an ONNX Runtime adapter ('${IDENTIFIER}') of at most ${MAXIMUM_LENGTH} bytes, `
      + `but is another file of ${file.length} bytes. Choose a patch that was downloaded here or saved by DCCL.ML.`);
  }

  const root = rootOf(file);
  const version = intOf(file, root, ADAPTER.formatVersion, VERSION);
  if (version !== VERSION) {
    throw new Refusal("unreadable", `'${label}' must have adapter format ${VERSION}, but has ${version}. It was altered, or is of a newer version.`);
  }

  const fingerprint = vectorOf(file, root, ADAPTER.fingerprint);
  if (fingerprint.length === 0) {
    throw new Refusal("unreadable", `'${label}' must say which model it belongs to, but does not. It was cut off, or is not DCCL's: copy it again or learn the patch again.`);
  }

  if (fingerprint.length !== DIGEST_LENGTH || !(await isIntact(file))) {
    throw new Refusal("unreadable", `'${label}' must have the checksum that it holds, but has another: a bit of it has changed. Copy it again or learn the patch again.`);
  }

  const [count] = placeOf(file, root, ADAPTER.parameters, 4);
  if (count !== 1) {
    throw new Refusal("twoPatches", `'${label}' must hold one patch, but holds ${count} values. Keep one file for each patch.`);
  }

  const values = readValues(file, root, label);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new Refusal("notFinite", `'${label}' must hold finite numbers, but number ${wrong} is ${values[wrong]}. Learn the patch again.`);
  }

  return { values, fingerprint: toHex(fingerprint) };
}

function readValues(file, root, label) {
  const buffer = new ByteBuffer(file);
  const [, place] = placeOf(file, root, ADAPTER.parameters, 4);
  const parameter = place + buffer.readInt32(place);
  const raw = vectorOf(file, parameter, PARAMETER.rawData);
  const [dimensions, shape] = placeOf(file, parameter, PARAMETER.dimensions, 8);
  const size = raw.length / 4;
  const isRow = dimensions === 2 && buffer.readInt64(shape) === 1n && Number(buffer.readInt64(shape + 8)) === size;
  if (fromUtf8(vectorOf(file, parameter, PARAMETER.name)) !== "patch" || intOf(file, parameter, PARAMETER.dataType, 0) !== FLOAT_TYPE
    || !isRow || size < 1 || size > MAXIMUM_SIZE) {
    throw new Refusal("unreadable", `'${label}' must hold a float tensor 'patch' of shape [1, d] with d up to ${MAXIMUM_SIZE}, but holds another value. Learn the patch again.`);
  }

  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return Float32Array.from({ length: size }, (_, i) => view.getFloat32(i * 4, true));
}

async function isIntact(file) {
  const digest = vectorOf(file, rootOf(file), ADAPTER.digest);
  const copy = file.slice();
  vectorOf(copy, rootOf(copy), ADAPTER.digest).fill(0);
  return digest.length === DIGEST_LENGTH && areEqual(digest, await sha256(copy));
}

function bytes(builder, values, alignment) {
  builder.startVector(1, values.length, alignment);
  for (let i = values.length - 1; i >= 0; i--) {
    builder.addInt8((values[i] << 24) >> 24);
  }

  return builder.endVector();
}

// The library reads beyond the end as zeros, and follows any offset. So what a place or a length says is held to the file's length.

const rootOf = (file) => new ByteBuffer(file).readInt32(0);

const fieldOf = (file, table, field) => (table > 0 && table < file.length ? new ByteBuffer(file).__offset(table, field) : 0);

const intOf = (file, table, field, missing) => {
  const offset = fieldOf(file, table, field);
  return offset ? new ByteBuffer(file).readInt32(table + offset) : missing;
};

/** The number of elements of a vector and where they begin; none if it does not lie within the file. */
function placeOf(file, table, field, elementSize) {
  const offset = fieldOf(file, table, field);
  if (!offset) {
    return [0, 0];
  }

  const buffer = new ByteBuffer(file);
  const length = buffer.__vector_len(table + offset);
  const start = buffer.__vector(table + offset);
  return length > 0 && start >= 4 && start + (length * elementSize) <= file.length ? [length, start] : [0, 0];
}

function vectorOf(file, table, field) {
  const [length, start] = placeOf(file, table, field, 1);
  return file.subarray(start, start + length);
}
