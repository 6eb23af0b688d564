/** The ten best, and after learning what moved where between them. */

import { element, find, shape } from "./elements.js";
import { choices } from "./picker.js";

const LENGTH = 10;

/**
 * Ranks: the best first, of equal ones the smaller key.
 * @param {Map<number, number>} scores The scores by key.
 * @returns {Map<number, {place: number, score: number}>} By key, in the order of the places, which begin with 1.
 */
export function rank(scores) {
  const order = [...scores].sort(([leftKey, left], [rightKey, right]) => right - left || leftKey - rightKey);
  return new Map(order.map(([key, score], i) => [key, { place: i + 1, score }]));
}

/**
 * Draws the lists.
 * @param {string[]} items The raw ids in the order of the keys.
 * @param {Map<number, object>} before The ranking of the model for everybody.
 * @param {Map<number, object> | null} after That with the patch; null without one.
 * @param {boolean} hasLabels Whether items can be refused as well as liked.
 * @param {(id: string, isPositive: boolean | null) => void} onChoose Called with what was liked or refused.
 */
export function drawRanking(items, before, after, hasLabels, onChoose) {
  const line = (key, { place, score }, kind, move) => element(
    "li", { class: kind, "data-id": items[key - 1], "data-score": score },
    element("span", { class: "rank" }, String(place)), ...choices(items[key - 1], undefined, hasLabels, onChoose), ...move,
    element("span", { class: "score" }, score.toFixed(2)), bar(score));
  find("before").replaceChildren(...top(before).map(([key, own]) => {
    const place = after?.get(key).place ?? own.place;
    return line(key, own, place > LENGTH ? "gone" : "same", place > LENGTH ? [element("span", { class: "move", "aria-label": `now on place ${place}` }, `→ ${place}`)] : []);
  }));
  find("after").replaceChildren(...after
    ? top(after).map(([key, own]) => line(key, own, before.get(key).place > LENGTH ? "new" : "same", moved(before.get(key).place - own.place)))
    : [element("li", { class: "empty" }, "Your own ten best appear here as soon as a patch has been learnt from your picks.")]);
  drawLinks(before, after);
}

const top = (ranking) => [...ranking].slice(0, LENGTH);

/** The probability that the model gives, as a bar under the line. */
const bar = (score) => shape(
  "svg", { class: "bar", viewBox: "0 0 100 3", preserveAspectRatio: "none", "aria-hidden": "true" },
  shape("rect", { width: 100, height: 3 }), shape("rect", { class: "value", width: 100 / (1 + Math.exp(-score)), height: 3 }));

const moved = (places) => [
  places === 0 ? element("span", { class: "move", "aria-label": "unmoved" }, "=")
    : places > 0 ? element("span", { class: "move up", "aria-label": `up ${places}` }, `▲ ${places}`)
      : element("span", { class: "move down", "aria-label": `down ${-places}` }, `▼ ${-places}`),
];

// A curve for every item of the two lists; what is beyond the other one's end comes from below or goes there.
function drawLinks(before, after) {
  const keys = after ? [...new Set([...top(before), ...top(after)].map(([key]) => key))] : [];
  const y = ({ place }) => (place <= LENGTH ? (place - 0.5) * 10 : 104);
  find("links").setAttribute("viewBox", "0 0 100 100");
  find("links").setAttribute("preserveAspectRatio", "none");
  find("links").replaceChildren(...keys.map((key) => {
    const [from, to] = [before.get(key), after.get(key)];
    const kind = to.place > LENGTH ? "gone" : from.place > LENGTH ? "new" : "same";
    return shape("path", { class: kind, d: `M 3 ${y(from)} C 50 ${y(from)} 50 ${y(to)} 97 ${y(to)}`, "vector-effect": "non-scaling-stroke" });
  }));
}
