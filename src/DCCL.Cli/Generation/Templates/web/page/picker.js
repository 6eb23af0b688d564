/** What can be picked, found by a part of its id, and what has been picked. */

import { element, find } from "./elements.js";

/** So many items are shown at once; a search finds the others. */
const MAXIMUM = 60;

export class Picker {
  #items;
  #hasLabels;
  #onChoose;
  #chosen = new Map();

  /**
   * @param {string[]} items The raw ids.
   * @param {boolean} hasLabels Whether items can be refused as well as liked.
   * @param {(id: string, isPositive: boolean | null) => void} onChoose Called with what was liked or refused, or taken back.
   */
  constructor(items, hasLabels, onChoose) {
    this.#items = items;
    this.#hasLabels = hasLabels;
    this.#onChoose = onChoose;
    find("search").placeholder = `Search ${items.length.toLocaleString("en")} items`;
    find("search").addEventListener("input", () => this.#show());
  }

  /** Shows what is picked. */
  update(picks) {
    this.#chosen = new Map(picks.map((pick) => [pick.id, pick.isPositive]));
    find("pick-count").textContent = `${picks.length} picked`;
    find("picks").replaceChildren(...(picks.length > 0
      ? [...picks].reverse().map((pick) => this.#entry(pick.id))
      : [element("li", { class: "empty" }, "Nothing yet.")]));
    this.#show();
  }

  #show() {
    const text = find("search").value.trim().toLowerCase();
    const found = this.#items.filter((id) => id.toLowerCase().includes(text));

    // What begins with the text comes first, the item of just this id before all.
    const place = (id) => (id.toLowerCase() === text ? 0 : id.toLowerCase().startsWith(text) ? 1 : 2);
    const shown = (text === "" ? found : found.sort((left, right) => place(left) - place(right))).slice(0, MAXIMUM);
    const focused = document.activeElement?.closest?.("#items button");
    const [id, kind] = [focused?.dataset.id, focused?.className];
    find("items").replaceChildren(...shown.map((item) => this.#entry(item)));
    if (id !== undefined) {
      find("items").querySelector(`button.${kind}[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true }); // the keyboard stays where it was
    }

    const rest = found.length - shown.length;
    find("more").textContent = found.length === 0 ? "No item has this in its id."
      : rest > 0 ? `${rest.toLocaleString("en")} more: search by a part of the id.` : "";
  }

  #entry(id) {
    const chosen = this.#chosen.get(id);
    return element("li", { class: chosen === undefined ? "item" : chosen ? "item liked" : "item refused" }, ...choices(id, chosen, this.#hasLabels, this.#onChoose));
  }
}

/** The buttons of an item: its id, to like it, and where the model knows refusals one to refuse it. */
export function choices(id, chosen, hasLabels, onChoose) {
  const button = (name, isPositive, label, text) => {
    const made = element("button", { type: "button", class: name, "data-id": id, "aria-pressed": String(chosen === isPositive), "aria-label": `${label} ${id}`, title: `${label} ${id}` }, text);
    made.addEventListener("click", () => onChoose(id, chosen === isPositive ? null : isPositive));
    return made;
  };
  return [button("like", true, "I like", id), ...(hasLabels ? [button("refuse", false, "Not for me:", "✕")] : [])];
}
