/** Two pictures in bars: how far the patch moves each mood, and the patch itself. */

import { element, find, shape } from "./elements.js";

/**
 * Draws how many places each mood's pieces move up on average.
 * @param {object} catalogue Items and moods.
 * @param {Map<number, number>} before Ranks by key.
 * @param {Map<number, number> | null} after Ranks by key; null without a patch.
 */
export function drawShift(catalogue, before, after) {
  const shifts = catalogue.moods.map((mood) => {
    const keys = [...before.keys()].filter((key) => catalogue.items[key - 1].mood === mood);
    return after && keys.length > 0 ? keys.reduce((sum, key) => sum + before.get(key) - after.get(key), 0) / keys.length : 0;
  });
  const largest = Math.max(10, ...shifts.map(Math.abs));
  find("shift").replaceChildren(...shifts.map((shift, i) => {
    const width = (Math.abs(shift) / largest) * 49;
    return element(
      "li", { class: `mood-${i}`, "data-mood": catalogue.moods[i] },
      element("span", { class: "label" }, element("span", { class: "dot" }), catalogue.moods[i]),
      shape(
        "svg", { viewBox: "0 0 100 16", preserveAspectRatio: "none", "aria-hidden": "true" },
        shape("line", { x1: 50, x2: 50, y1: 0, y2: 16, "vector-effect": "non-scaling-stroke" }),
        shape("rect", { x: shift < 0 ? 50 - width : 50, y: 3, width, height: 10, rx: 0.6 })),
      element("span", { class: "value" }, after ? signed(shift) : "–"));
  }));
}

/** Draws a patch, or that there is none. */
export function drawPatch(patch, size) {
  const values = patch ?? new Float32Array(size);
  const largest = Math.max(0.1, ...values.map(Math.abs));
  const step = 320 / values.length;
  const bars = Array.from(values, (value, k) => {
    const height = (Math.abs(value) / largest) * 56;
    return shape(
      "rect", { x: (k * step) + 2, width: step - 4, y: value < 0 ? 60 : 60 - height, height, rx: 2, class: k === 0 ? "intercept" : "weight" },
      shape("title", {}, `${k === 0 ? "Intercept" : `Number ${k}`}: ${value.toFixed(3)}`));
  });
  find("numbers").replaceChildren(shape(
    "svg", { viewBox: "0 0 320 120", preserveAspectRatio: "none" },
    ...bars, shape("line", { x1: 0, x2: 320, y1: 60, y2: 60, "vector-effect": "non-scaling-stroke" })));
  find("numbers").setAttribute("aria-label", patch ? `The patch's ${size} numbers: ${Array.from(patch, (value) => value.toFixed(2)).join(", ")}` : "No patch yet");
}

const signed = (value) => (Math.abs(value) < 0.5 ? "0" : value > 0 ? `+${Math.round(value)}` : `−${Math.round(-value)}`);
