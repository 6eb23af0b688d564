/** The top ten before and after, and what moved where between them. */

import { element, find, shape } from "./elements.js";

const LENGTH = 10;

/** The ranks from 1 that scores give to the candidates, the first of equal ones first. @returns {Map<number, number>} Rank by key. */
export function rank(scores, candidates) {
  const order = [...candidates].sort((left, right) => scores[right - 1] - scores[left - 1] || left - right);
  return new Map(order.map((key, i) => [key, i + 1]));
}

/**
 * Draws.
 * @param {object} catalogue Items and moods.
 * @param {Map<number, number>} before Ranks by key.
 * @param {Map<number, number> | null} after Ranks by key; null without a patch.
 */
export function drawRanking(catalogue, before, after) {
  find("before").replaceChildren(...top(before).map((key, i) => line(catalogue, key, i + 1, after && after.get(key) > LENGTH ? "gone" : "same", leaving(after?.get(key)))));
  find("after").replaceChildren(...after
    ? top(after).map((key, i) => line(catalogue, key, i + 1, before.get(key) > LENGTH ? "new" : "same", moved(before.get(key) - (i + 1))))
    : [element("li", { class: "empty" }, "Your own top ten appears here as soon as a patch has been learnt from your picks.")]);
  drawLinks(catalogue, before, after);
}

const top = (ranks) => [...ranks.keys()].slice(0, LENGTH);

function line(catalogue, key, place, kind, move) {
  const item = catalogue.items[key - 1];
  return element(
    "li", { class: `${kind} mood-${catalogue.moods.indexOf(item.mood)}`, "data-id": item.id },
    element("span", { class: "rank" }, String(place)), element("span", { class: "dot" }),
    element("span", { class: "title", title: item.title }, item.title), ...move, element("small", {}, `${item.mood} · ${item.genre}`));
}

const moved = (places) => [
  places === 0 ? element("span", { class: "move", "aria-label": "unmoved" }, "=")
    : places > 0 ? element("span", { class: "move up", "aria-label": `up ${places}` }, `▲ ${places}`)
      : element("span", { class: "move down", "aria-label": `down ${-places}` }, `▼ ${-places}`),
];

const leaving = (place) => (place > LENGTH ? [element("span", { class: "move", "aria-label": `now on place ${place}` }, `→ ${place}`)] : []);

// A curve for every item that is in one of the two lists; what is in the other list's rest comes from below or goes there.
function drawLinks(catalogue, before, after) {
  const links = find("links");
  const keys = after ? [...new Set([...top(before), ...top(after)])] : [];
  const y = (place) => (place <= LENGTH ? (place - 0.5) * 10 : 104);
  links.setAttribute("viewBox", "0 0 100 100");
  links.setAttribute("preserveAspectRatio", "none");
  links.replaceChildren(...keys.map((key) => {
    const [from, to] = [before.get(key), after.get(key)];
    return shape("path", {
      class: `mood-${catalogue.moods.indexOf(catalogue.items[key - 1].mood)}${to > LENGTH ? " gone" : ""}`,
      d: `M 3 ${y(from)} C 50 ${y(from)} 50 ${y(to)} 97 ${y(to)}`,
      "vector-effect": "non-scaling-stroke",
    });
  }));
}
