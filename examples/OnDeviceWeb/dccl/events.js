/** What the owner did, as the model sees it: key values in time order, and which of them a patch learns from. */

/**
 * @typedef {object} OwnerEvent
 * @property {number} item The key of the item.
 * @property {boolean} [isPositive] Whether the owner chose it; true if left out.
 * @property {boolean} [isKnownToCloud] Whether the cloud model was trained with it: it then counts in the history alone.
 * @property {boolean} [isLearnt] Whether the patch that learning starts from has learnt from it.
 */

export class TrainingEvents {
  #all;
  #positives = [];
  #ends = [];
  #learnable = [];

  /**
   * @param {OwnerEvent[]} events In time order.
   * @param {boolean} hasLabels Whether the model was trained with refusals; if not, an event without a history says only that its item is popular.
   */
  constructor(events, hasLabels) {
    this.#all = events;
    this.hasLabels = hasLabels;
    events.forEach((event, i) => {
      this.#ends[i] = this.#positives.length;
      if (!event.isKnownToCloud && !event.isLearnt && (hasLabels || this.#positives.length > 0)) {
        this.#learnable.push(i);
      }

      if (event.isPositive ?? true) {
        this.#positives.push(event.item);
      }
    });
  }

  /** The number of events to learn from. */
  get count() {
    return this.#learnable.length;
  }

  /** All items, in time order. */
  get items() {
    return this.#all.map((event) => event.item);
  }

  item(index) {
    return this.#all[this.#learnable[index]].item;
  }

  label(index) {
    return this.#all[this.#learnable[index]].isPositive ?? true;
  }

  /** The items before an event, the most recent first, at most as many as the model looks at. */
  history(index, length) {
    return this.#recent(this.#ends[this.#learnable[index]], length);
  }

  /** The owner's history up to now. */
  currentHistory(length) {
    return this.#recent(this.#positives.length, length);
  }

  #recent(end, length) {
    return this.#positives.slice(Math.max(0, end - length), end).reverse();
  }
}

/** Draws items that the owner has not had, each with the same probability, to stand for what the owner did not choose. */
export class NegativeSampler {
  #seen;
  #numberOfUnseen;

  /** @param {number[]} seen The items of the owner's events. @param {number} numberOfItems All items of the model. */
  constructor(seen, numberOfItems) {
    this.#seen = [...new Set(seen)].sort((left, right) => left - right);
    this.#numberOfUnseen = numberOfItems - this.#seen.length;
  }

  /** Whether the owner has had every item. */
  get isEmpty() {
    return this.#numberOfUnseen === 0;
  }

  /** @param {import("./random.js").SeededRandom} random @returns {number} An item. */
  sample(random) {
    // The rank-th unseen item: every seen one at or before it moves it one place on.
    let item = random.next(this.#numberOfUnseen) + 1;
    for (const seen of this.#seen) {
      if (seen > item) {
        break;
      }

      item++;
    }

    return item;
  }
}
