/** DCCL on a device without .NET: what DCCL.ML exports, in Node and in the browser. */

export { readPatch, writePatch } from "./adapter.js";
export { DEFAULT_OPTIONS } from "./learner.js";
export { Personalizer } from "./personalizer.js";
export { Refusal } from "./refusal.js";
