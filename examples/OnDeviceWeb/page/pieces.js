/** The catalogue: pieces to pick, those of one mood or all. */

import { element, find } from "./elements.js";

/** So many picks of one mood are almost always enough for the gate. */
const SEVERAL = 18;

export class Pieces {
  #catalogue;
  #onPick;
  #buttons = new Map();
  #mood = null;

  /** @param {object} catalogue Items and moods. @param {(ids: string[], isPicked: boolean) => void} onPick Called with what was picked or unpicked. */
  constructor(catalogue, onPick) {
    this.#catalogue = catalogue;
    this.#onPick = onPick;
    find("moods").replaceChildren(this.#moodButton(null), ...catalogue.moods.map((mood) => this.#moodButton(mood)));
    find("pieces").replaceChildren(...mixed(catalogue.items).map((item) => this.#piece(item)));
    find("several").addEventListener("click", () => onPick(this.#shown().filter((item) => !this.#isPicked(item)).slice(0, SEVERAL).map((item) => item.id), true));
    this.#show(null);
  }

  /** Shows what is picked. */
  update(picks) {
    const picked = new Set(picks);
    for (const [id, button] of this.#buttons) {
      button.setAttribute("aria-pressed", picked.has(id));
    }

    find("pick-count").textContent = `${picks.length} picked`;
    find("clear").disabled = picks.length === 0;
  }

  #isPicked(item) {
    return this.#buttons.get(item.id).getAttribute("aria-pressed") === "true";
  }

  #shown() {
    return mixed(this.#catalogue.items).filter((item) => this.#mood === null || item.mood === this.#mood);
  }

  #show(mood) {
    this.#mood = mood;
    for (const button of find("moods").children) {
      button.setAttribute("aria-pressed", button.dataset.mood === (mood ?? ""));
    }

    const shown = new Set(this.#shown().map((item) => item.id));
    for (const [id, button] of this.#buttons) {
      button.parentElement.hidden = !shown.has(id);
    }

    find("pieces").scrollTop = 0;
    find("several").hidden = mood === null;
    find("several").textContent = `Pick ${SEVERAL} ${mood?.toLowerCase()} ones`;
  }

  #moodButton(mood) {
    const dots = mood === null ? [] : [element("span", { class: `dot mood-${this.#catalogue.moods.indexOf(mood)}` })];
    const button = element("button", { type: "button", "data-mood": mood ?? "" }, ...dots, mood ?? "All");
    button.addEventListener("click", () => this.#show(mood));
    return button;
  }

  #piece(item) {
    const button = element(
      "button", { type: "button", class: `piece mood-${this.#catalogue.moods.indexOf(item.mood)}`, "data-id": item.id },
      element("span", { class: "dot" }), element("span", { class: "title" }, item.title),
      element("span", { class: "tick", "aria-hidden": "true" }, "✓"), element("small", {}, `${item.genre} · ${item.mood}`));
    button.addEventListener("click", () => this.#onPick([item.id], !this.#isPicked(item)));
    this.#buttons.set(item.id, button);
    return element("li", {}, button);
  }
}

/** An order in which moods and genres are mixed, the same at every visit: 101 has no factor in common with a catalogue's 240. */
const mixed = (items) => items.map((_, i) => items[(i * 101) % items.length]);
